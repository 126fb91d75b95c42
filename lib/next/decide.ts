import { clientIp, type HeaderSource } from '../http/client-ip';
import { dropIn } from '../drop-in';
import { invalidOption, shown } from '../base/errors';
import type { Limiter } from '../limiter/limiter';
import type { RequestRule } from '../rules/request-rule';
import type { Decision } from '../decision/types';
import { readAnswer, type AnswerOf, type DropIn, type LimiterOfNext, type LimitOptions } from './options';

/** What a place knows of a request by itself. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: HeaderSource;
  readonly remoteAddress?: string;
  /** The path stands for none: a rule that names one is never meant. */
  readonly isAction?: boolean;
}

/** Asks who it is and charges that. A `Response` of `identify` is handed on. */
export async function decide<
  L extends LimiterOfNext | DropIn,
  Args extends readonly unknown[],
  Answer extends AnswerOf<L>,
>(asked: Asked, options: LimitOptions<L, Args, Answer>, args: Args): Promise<Decision | Response> {
  const caller = options.identify === undefined ? undefined : readAnswer(await options.identify(...args));
  if (caller instanceof Response) return caller;
  const rules: readonly RequestRule[] | undefined = options.rules;
  const limiter = (options.limiter ?? dropIn(rules)) as Limiter;
  const [told, key] = typeof caller === 'string' ? [undefined, caller] : [caller, undefined];
  const cost = told?.cost ?? options.cost;
  if (options.limiter === undefined && rules === undefined) {
    // As `checkRateLimit` counts, under the same key, whatever the id looks like.
    return limiter.check(told?.organization as string, told?.plan, { cost, failureMode: told?.failureMode });
  }
  const { trustedProxies, ipHeader: header } = options;
  const { method, path, headers, remoteAddress } = asked;
  const ip =
    told?.ip ??
    (headers === undefined || (trustedProxies === undefined && header === undefined)
      ? undefined
      : // The whole address: how much of it is one client is the limiter's to say.
        clientIp(headers, { trustedProxies, header, remoteAddress, ipv6Subnet: 128 }));
  if (
    asked.isAction &&
    told?.path === undefined &&
    told?.plan === undefined &&
    (limiter as Partial<Limiter>).limits?.(asked) === false
  ) {
    throw invalidOption(
      "Nothing limits this action: no rule of the limiter matches POST and the path '/', which an action has. Let identify answer a path or a plan, or give a limiter with one rate.",
    );
  }
  // A key stands for whom the one rate counts. The limiter's rules, bypass and lists hold beside it.
  const request = { method, path, headers, ...told, cost, ip };
  return key === undefined ? limiter.checkRequest(request) : limiter.checkRequestAs(request, key);
}

/**
 * A request of the web as rules see it. Next.js tells its path in `nextUrl`, without the `basePath` and the locale of
 * the configuration, as `matcher` and route handlers have it; the `url` that `proxy.ts` gets holds both.
 */
export function askedOf(request: Request & { readonly nextUrl?: { readonly pathname?: unknown } }): Asked {
  requireRequest(request);
  const { method, url, headers, nextUrl } = request;
  if (typeof nextUrl?.pathname === 'string') return { method, path: nextUrl.pathname, headers };
  const start = url.indexOf('/', url.indexOf('://') + 3);
  return { method, path: start < 0 ? '/' : url.slice(start), headers };
}

/** A request of Node.js has a `url` as well, from which another path would be read. */
function requireRequest(request: unknown): void {
  if (typeof request === 'object' && request !== null) {
    const { url, headers } = request as { url?: unknown; headers?: { get?: unknown } };
    if (typeof url === 'string' && typeof headers?.get === 'function') return;
  }
  throw invalidOption(
    `The request must be a Request of the web, as route handlers and proxy.ts get it, not ${shown(request)}. For pages/api and Express use rateLimitedApi.`,
  );
}
