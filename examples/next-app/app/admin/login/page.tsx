import type { Metadata } from 'next';
import { cookies } from 'next/headers';
import { COOKIE, isConfigured } from '@/lib/session';
import { isSignedIn } from '@/lib/signed-in';
import { LoginForm } from './login-form';
import { SignOut } from './sign-out';
import styles from './login.module.css';

export const metadata: Metadata = { title: 'Sign in' };

/** `?signed-out=here`: Redis could not be told, so other servers still take the session. */
export default async function Page({ searchParams }: PageProps<'/admin/login'>) {
  const signedIn = await isSignedIn((await cookies()).get(COOKIE)?.value);
  const partly = (await searchParams)['signed-out'] === 'here';
  return (
    <section className={`card ${styles.login}`} aria-labelledby="login-title">
      <h1 id="login-title">{signedIn ? 'You are signed in' : 'Sign in'}</h1>
      {partly && (
        <p className="problem" role="status">
          You are signed out on this server. Redis does not answer: until the session ends by itself, other
          servers take a copy of it.
        </p>
      )}
      {signedIn ? (
        <SignOut />
      ) : isConfigured() ? (
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
