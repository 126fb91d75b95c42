/** What answers below paths of its own, as functions of the web's `Request` and `Response`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AnyLimiter, Who } from '../index';
import { createDashboard } from '../dashboard/index';
import { createMonitoringRoutes } from '../monitoring/index';
import type { Desk, Generation } from './desk';
import { Problem } from './problems';

/** What a mount is given. */
export interface Mounted {
  readonly limiter: AnyLimiter;
  /** Whose key a request brings; false: none, where one is needed. */
  readonly authorize: (request: Request) => Who | false;
}

export interface Mount {
  /** Such as `/monitoring`: all below it, and the path itself, are the mount's. Keys are for the mount to ask for. */
  readonly path: string;
  /** Called at the start and after each reload, with the limiter that holds from then on. */
  open(service: Mounted): (request: Request) => Promise<Response>;
}

const monitoring: Mount = {
  path: '/monitoring',
  open({ limiter, authorize }) {
    return createMonitoringRoutes({
      ...{ limiter, authorize, basePath: '/monitoring' },
      // Each caller of the service; a dashboard asks for several things every few seconds.
      rate: '1200/m',
    }).fetch;
  },
};

const dashboard: Mount = {
  path: '/dashboard',
  open({ limiter, authorize }) {
    // A browser asks whoever opens the page for a name and a key.
    const login = () =>
      new Response('Give an API key as the password.', {
        ...{ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="spillway", charset="UTF-8"' } },
      });
    return createDashboard({
      ...{ limiter, basePath: '/dashboard' },
      authorize: (request) => authorize(request) || login(),
      rate: '1200/m',
    }).fetch;
  },
};

export const MOUNTS: readonly Mount[] = [monitoring, dashboard];

type Handler = (request: Request) => Promise<Response>;

/** Adds mounts to a server; bodies go to them as they come, up to the server's bound. */
export function addMounts(
  app: FastifyInstance,
  desk: Desk,
  mounts: readonly Mount[],
  whoOf: (request: Request, generation: Generation) => Who | false,
): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    for (const mount of mounts) {
      const handlers = new WeakMap<Generation, Handler>();
      const answer = async (request: FastifyRequest, reply: FastifyReply) => {
        const generation = desk.current;
        let handle = handlers.get(generation);
        if (handle === undefined) {
          const authorize = (asked: Request) => whoOf(asked, generation);
          handle = mount.open({ limiter: generation.limiter, authorize });
          handlers.set(generation, handle);
        }
        generation.enter();
        reply.raw.once('close', () => generation.leave());
        return reply.send(await handle(toRequest(request, reply)));
      };
      scope.all(mount.path, { exposeHeadRoute: false }, answer);
      scope.all(`${mount.path}/*`, { exposeHeadRoute: false }, answer);
    }
    done();
  });
}

/** Its signal tells when nobody waits for the response any more, for those that stream. */
function toRequest({ method, headers, url, host, body }: FastifyRequest, reply: FastifyReply): Request {
  const address = `http://${host || 'localhost'}${url}`;
  if (!URL.canParse(address)) {
    throw new Problem(400, 'bad-request', 'The Host of the request is no host.');
  }
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
  return new Request(address, {
    method,
    headers: pairs,
    signal: gone.signal,
    ...(Buffer.isBuffer(body) && method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(body) }),
  });
}
