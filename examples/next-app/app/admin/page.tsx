import type { Metadata } from 'next';
import { cookies } from 'next/headers';
import { redirect } from 'next/navigation';
import { COOKIE } from '@/lib/session';
import { isSignedIn } from '@/lib/signed-in';
import { Dashboard } from './dashboard';

export const metadata: Metadata = { title: 'Dashboard' };

/** The page holds nothing secret; the routes that it asks look at the session themselves. */
export default async function Page() {
  if (!(await isSignedIn((await cookies()).get(COOKIE)?.value))) redirect('/admin/login');
  return <Dashboard />;
}
