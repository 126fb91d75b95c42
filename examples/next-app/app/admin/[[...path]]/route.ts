import { createDashboard } from 'spillway/dashboard';
import { limiter } from '@/lib/limits';
import { COOKIE } from '@/lib/session';
import { isSignedIn } from '@/lib/signed-in';

/** The dashboard of the package, for whoever is signed in. */
export const { GET, POST } = createDashboard({
  limiter,
  basePath: '/admin',
  links: [
    { text: 'The app', href: '/' },
    { text: 'Sign out', href: '/admin/login' },
  ],
  authorize: async (request) => {
    if (await isSignedIn(cookieOf(request))) return { by: 'administrator' };
    const { pathname } = new URL(request.url);
    // What the page asks is told apart from the page itself, which a person opened.
    if (pathname !== '/admin') return Response.json({ message: 'Sign in first.' }, { status: 401 });
    return new Response(null, { status: 307, headers: { Location: '/admin/login' } });
  },
});

function cookieOf(request: Request): string | undefined {
  const cookies = (request.headers.get('cookie') ?? '').split(/; */);
  return cookies.find((one) => one.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}
