import { invalidOption, shown } from '../base/errors';

/** How responses are changed, and what a denial says; for the web's `Response` and for Node.js. */

/** A response of Node.js, such as `res` of `pages/api` or Express, as far as it is used here. */
export interface NodeResponse {
  statusCode: number;
  /** As Node.js has it: nothing can be set any more. */
  readonly headersSent?: boolean;
  setHeader(name: string, value: string): unknown;
  end(body?: string): unknown;
}

/** Refuses what is no response of the web. @throws RateLimitError `ERR_INVALID_OPTION` */
export function requireResponse(response: unknown): void {
  const { headers } = (response ?? {}) as { headers?: { set?: unknown } };
  if (typeof headers?.set === 'function') return;
  const hint = response instanceof Promise ? 'a promise: await it first' : shown(response);
  throw invalidOption(`The response must be a Response, such as Response.json(…), not ${hint}.`);
}

/** Refuses what is no response of Node.js. @throws RateLimitError `ERR_INVALID_OPTION` */
export function requireNodeResponse(response: unknown): void {
  const { setHeader, end } = (response ?? {}) as Partial<NodeResponse>;
  if (typeof setHeader === 'function' && typeof end === 'function') return;
  throw invalidOption(
    `The response must be that of Node.js, such as res of pages/api or Express, not ${shown(response)}.`,
  );
}

/** The JSON body of a denial. */
export interface DenialBody {
  error: string;
  /** For people. */
  message: string;
  /** In whole seconds, at least 1. */
  retryAfter: number;
}

export function denialBody(why: string, retryAfter: number, error = 'Too Many Requests'): DenialBody {
  const wait = `${retryAfter} ${retryAfter === 1 ? 'second' : 'seconds'}`;
  return { error, message: `${why} Try again in ${wait}.`, retryAfter };
}

/** Sets headers: on the response itself where that is possible, else on a copy. */
export function setHeaders<T extends Response>(response: T, headers: Record<string, string>): T {
  let target = response;
  for (const [name, value] of Object.entries(headers)) {
    try {
      target.headers.set(name, value);
    } catch {
      // Headers of a redirect or of a fetched response cannot be changed; those of a copy can.
      target = sameType(response, response.body, response);
      target.headers.set(name, value);
    }
  }
  return target;
}

/** A JSON response of the same type as one that is not sent, whose body is let go of. */
export function inPlaceOf<T extends Response>(
  response: T,
  status: number,
  body: DenialBody,
  headers: Record<string, string>,
): T {
  // What streams would go on producing for nobody. A body that is in use is for its reader to end.
  if (response.body !== null && !response.body.locked) void response.body.cancel().catch(() => {});
  const withType = { ...headers, 'Content-Type': 'application/json' };
  return sameType(response, JSON.stringify(body), { status, headers: withType });
}

/** A `NextResponse` in place of one: handlers declare what they return. */
function sameType<T extends Response>(like: T, body: BodyInit | null, init: ResponseInit): T {
  const Type = like.constructor as new (body: BodyInit | null, init: ResponseInit) => T;
  return new Type(body, init);
}
