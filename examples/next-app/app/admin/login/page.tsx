import type { Metadata } from 'next';
import { cookies } from 'next/headers';
import { redirect } from 'next/navigation';
import { COOKIE, isConfigured, isSession } from '@/lib/session';
import { LoginForm } from './login-form';
import styles from './login.module.css';

export const metadata: Metadata = { title: 'Sign in' };

export default async function Page() {
  const session = (await cookies()).get(COOKIE)?.value;
  if (isSession(session)) redirect('/admin');
  return (
    <section className={`card ${styles.login}`} aria-labelledby="login-title">
      <h1 id="login-title">Sign in</h1>
      {isConfigured() ? (
        <>
          <p className="note">
            The dashboard wants the administrator&rsquo;s password: <code>ADMIN_PASSWORD</code>, or the one
            that <code>npm start</code> printed.
          </p>
          <LoginForm />
        </>
      ) : (
        <p className="note">
          The dashboard is off. Set <code>ADMIN_PASSWORD</code> and start again.
        </p>
      )}
    </section>
  );
}
