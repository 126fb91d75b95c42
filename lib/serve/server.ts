import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifyServerOptions,
  onRequestHookHandler,
  RouteOptions,
} from 'fastify';
import { clientIp, type Who } from '../index';
import { checkAll, check, reset, status, type CheckBody, type SubjectBody } from './calls';
import type { Desk, Generation } from './desk';
import { ApiDocument } from './document';
import { framework } from './framework';
import { HealthCheck } from './health';
import { say } from './log';
import { Metrics } from './metrics';
import { addMounts, MOUNTS } from './mounts';
import { isLoopback } from './options';
import { INTERNAL, objectionOf, Problem, problemOf } from './problems';
import { answerBroken } from './broken';

const CHECK_BYTES = 16_384;
const BODY_BYTES = 262_144;
/** A key has 1,024 bytes, each of which is percent-encoded. */
const PARAMETER_LENGTH = 3_072;
/** A request that is not there by then is not waited for. */
const REQUEST_MS = 30_000;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

const OPTIONS: FastifyServerOptions = {
  bodyLimit: BODY_BYTES,
  requestTimeout: REQUEST_MS,
  routerOptions: { maxParamLength: PARAMETER_LENGTH },
  // What is under way at the end is answered, and closed by shutdown.ts.
  return503OnClosing: false,
  forceCloseConnections: false,
  // What is wrong is said, and nothing is mended in silence.
  ajv: {
    customOptions: {
      ...{ removeAdditional: false, coerceTypes: false, useDefaults: false },
      ...{ verbose: true, strictTypes: false },
    },
  },
  schemaErrorFormatter: objectionOf,
  clientErrorHandler: answerBroken,
};

/** The routes over what a desk has. */
export class Server {
  readonly app: FastifyInstance;
  private readonly document = ApiDocument.read();
  private readonly health: HealthCheck;
  private readonly metrics: Metrics;

  /** @throws RateLimitError `ERR_INVALID_OPTION` without fastify */
  constructor(private readonly desk: Desk) {
    this.health = new HealthCheck(desk);
    this.metrics = new Metrics(desk);
    this.app = framework()({
      ...OPTIONS,
      frameworkErrors: (error, _request, reply) => void this.fail(error, reply as FastifyReply),
    });
    const { app } = this;
    app.removeContentTypeParser('text/plain');
    app.setErrorHandler((error, _request, reply) => this.fail(error, reply));
    const countLost = this.metrics.counterOf('none');
    app.setNotFoundHandler((_request, reply) => {
      countLost(404);
      return this.fail(new Problem(404, 'not-found', 'There is no such path; see /openapi.json.'), reply);
    });
    app.addHook('onRequest', (request, reply, done) => done(this.refusal(request, reply)));
    app.addHook('onRoute', (route) => this.watch(route));
    this.openRoutes();
    void app.register((scope, _options, done) => {
      scope.addHook('onRequest', (request, _reply, admitted) => admitted(this.unauthorized(request)));
      this.guardedRoutes(scope);
      done();
    });
    addMounts(app, desk, MOUNTS, (request, generation) => {
      const { keys } = generation;
      const name = keys.nameOfBrowser(request.headers.get('authorization') ?? undefined);
      return name !== undefined ? { by: `key:${name}` } : keys.count === 0 ? {} : false;
    });
  }

  /** Counts the answers of a route, and bounds its bodies. */
  private watch(route: RouteOptions): void {
    const { url, bodyLimit = BODY_BYTES } = route;
    const count = this.metrics.counterOf(url);
    route.onResponse = (_request, reply, done) => {
      count(reply.statusCode);
      done();
    };
    const before = [route.onRequest ?? []].flat();
    // The framework would close the connection, and who is still sending would never hear why.
    const bounded: onRequestHookHandler = ({ headers }, _reply, done) =>
      done(Number(headers['content-length'] ?? 0) > bodyLimit ? tooLarge(bodyLimit) : undefined);
    route.onRequest = [...before, bounded];
  }

  private openRoutes(): void {
    const { app, document } = this;
    app.get('/health', async ({ headers }, reply) => {
      const isKnown = this.desk.current.keys.nameOf(headers.authorization) !== undefined;
      const { status: code, body } = await this.health.read(isKnown || this.desk.current.keys.count === 0);
      return unkept(this.last(reply)).code(code).send(body);
    });
    app.get('/openapi.json', (_request, reply) =>
      this.last(reply).type('application/json').send(document.text),
    );
    this.refuseMethods(app, '/health', 'GET, HEAD');
    this.refuseMethods(app, '/openapi.json', 'GET, HEAD');
  }

  private guardedRoutes(scope: FastifyInstance): void {
    const { desk, document } = this;
    scope.post<{ Body: CheckBody }>(
      '/v1/check',
      { bodyLimit: CHECK_BYTES, schema: document.schemaOf('/v1/check', 'post', ['200']) },
      async ({ body }, reply) => {
        const decision = await desk.ask((limiter) => check(limiter, body));
        this.last(reply).headers(decision.headers);
        return decision;
      },
    );
    scope.post<{ Body: { checks: CheckBody[] } }>(
      '/v1/checks',
      { schema: document.schemaOf('/v1/checks', 'post') },
      async ({ body }, reply) => {
        const decisions = await desk.ask((limiter) => checkAll(limiter, body.checks));
        this.last(reply);
        return { decisions };
      },
    );
    scope.get<{ Params: { key: string }; Querystring: Omit<SubjectBody, 'key'> }>(
      '/v1/status/:key',
      { schema: document.schemaOf('/v1/status/{key}', 'get') },
      async ({ params, query }, reply) => {
        const found = await desk.ask((limiter) => status(limiter, { ...query, ...params }));
        unkept(this.last(reply));
        return found;
      },
    );
    scope.post<{ Body: SubjectBody }>(
      '/v1/reset',
      { schema: document.schemaOf('/v1/reset', 'post') },
      async (request, reply) => {
        const who = this.whoOf(request);
        const done = await desk.ask((limiter) => reset(limiter, request.body, who));
        this.last(reply);
        return done;
      },
    );
    scope.get('/metrics', async (_request, reply) => {
      const { type, text } = await this.metrics.read();
      return unkept(this.last(reply)).type(type).send(text);
    });
    for (const path of ['/v1/check', '/v1/checks', '/v1/reset']) this.refuseMethods(scope, path, 'POST');
    for (const path of ['/v1/status/:key', '/metrics']) this.refuseMethods(scope, path, 'GET, HEAD');
  }

  /** Answers 405, before any body is read. */
  private refuseMethods(scope: FastifyInstance, url: string, allowed: string): void {
    const method = METHODS.filter((one) => !allowed.split(', ').includes(one));
    const problem = () =>
      new Problem(405, 'method-not-allowed', `This path takes ${allowed}.`, { Allow: allowed });
    scope.route({
      ...{ method, url, exposeHeadRoute: false },
      onRequest: (_request, _reply, done) => done(problem()),
      handler: () => Promise.reject(problem()),
    });
  }

  /**
   * Without keys anybody on this machine may ask, but no page in its browser, whatever name of its own it has given to this
   * address.
   */
  private refusal({ headers }: FastifyRequest, reply: FastifyReply): Problem | undefined {
    this.last(reply);
    if (this.desk.current.keys.count > 0 || headers.host === undefined) return undefined;
    const host = headers.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
    if (isLoopback(host)) return undefined;
    return new Problem(403, 'forbidden', 'Without API keys only requests to localhost are answered.');
  }

  private unauthorized({ headers }: FastifyRequest): Problem | undefined {
    const { keys } = this.desk.current;
    if (keys.count === 0 || keys.nameOf(headers.authorization) !== undefined) return undefined;
    return new Problem(401, 'unauthorized', 'Send Authorization: Bearer and an API key.', {
      'WWW-Authenticate': 'Bearer',
    });
  }

  private whoOf(request: FastifyRequest): Who {
    const generation: Generation = this.desk.current;
    const { trustedProxies } = generation.settings;
    const remoteAddress = request.raw.socket.remoteAddress ?? null;
    const name = generation.keys.nameOf(request.headers.authorization);
    return {
      by: name === undefined ? undefined : `key:${name}`,
      from: clientIp(request.headers, { trustedProxies, remoteAddress }) ?? undefined,
    };
  }

  /** The last answer of a connection, once nobody listens any more. */
  private last(reply: FastifyReply): FastifyReply {
    return this.desk.isClosing ? reply.header('Connection', 'close') : reply;
  }

  private fail(error: unknown, reply: FastifyReply): FastifyReply {
    const problem = problemOf(error);
    if (problem === undefined) {
      const { message, stack } = error instanceof Error ? error : { message: String(error) };
      say('error', 'failed', { message, stack });
    }
    const { status: code, headers, body } = problem ?? INTERNAL;
    return this.last(reply).code(code).headers(headers).type('application/json').send(body);
  }
}

const tooLarge = (bytes: number) =>
  new Problem(413, 'too-large', `The body is too large: it may have ${bytes} bytes.`);

/** For what a cache would keep otherwise. */
function unkept(reply: FastifyReply): FastifyReply {
  return reply.header('Cache-Control', 'no-store');
}
