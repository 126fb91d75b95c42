import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRateLimiter } from '../index';
import { createDashboard } from '../dashboard/index';
import { withSharedRules } from '../serve/fleet';
import { named, optionsOf, placeOf, type StoreFlags } from './open';
import { say, sayJson } from './text';
import { UsageError } from './usage';
import { whoAmI } from './who';

export interface DashboardFlags extends StoreFlags {
  readonly port: number;
  readonly by?: string;
}

const COOKIE = 'spillway-dashboard';

/** Serves the dashboard on this machine alone, to whoever has the address that is printed, until it is stopped. */
export async function dashboard(flags: DashboardFlags): Promise<number> {
  const { options, opened } = withSharedRules(named(await optionsOf(flags)));
  // What the fleet counts is shown, too, where the store can keep it: this process counts nothing.
  const all = opened === undefined ? options : { ...options, analytics: true };
  const limiter = createRateLimiter<string, never>(all as never);
  const token = randomBytes(24).toString('base64url');
  const who = whoAmI(flags.by);
  const page = createDashboard({
    limiter,
    basePath: '/',
    authorize: (request) => admitted(request, token, who),
  });
  const server = createServer((request, response) => void page.node(request, response));
  server.listen(flags.port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    await limiter.close();
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `Port ${flags.port} cannot be used (${code ?? 'no reason known'}). Give another with --port.`,
    );
  }
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/?token=${token}`;
  if (flags.json === true) sayJson({ url });
  else {
    say(`The dashboard is at ${url}`);
    say('Only this machine reaches it. Ctrl+C ends it.');
    say(`It shows ${placeOf(limiter, flags)}`);
  }
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  server.close();
  server.closeAllConnections();
  await opened?.close();
  await limiter.close();
  return 0;
}

/**
 * Whoever opened the printed address has a cookie from then on. The name of the host is looked at: a page elsewhere may have let
 * its own name point here.
 */
function admitted(request: Request, token: string, who: { by: string; from: string }) {
  const { hostname: host, port, searchParams } = new URL(request.url);
  if (host !== '127.0.0.1' && host !== 'localhost') return false;
  const name = `${COOKIE}-${port}`;
  const given = searchParams.get('token');
  if (given !== null && isSame(given, token)) {
    const cookie = `${name}=${token}; HttpOnly; SameSite=Strict; Path=/`;
    return new Response(null, { status: 303, headers: { Location: '/', 'Set-Cookie': cookie } });
  }
  const cookies = (request.headers.get('cookie') ?? '').split(/; */);
  return cookies.some((one) => one.startsWith(`${name}=`) && isSame(one.slice(name.length + 1), token))
    ? who
    : false;
}

function isSame(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
