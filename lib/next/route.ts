import type { Decision } from '../decision/types';
import { setHeaders } from '../http/response';
import { askedOf, decide } from './decide';
import { refuseSurplus } from '../base/surplus';
import {
  refuseOptions,
  requireHandler,
  type AnswerOf,
  type DropIn,
  type Known,
  type LimiterOfNext,
  type LimitOptions,
} from './options';

/** A handler of `app/.../route.ts`. */
export type RouteHandler<Req extends Request, Context> = (
  request: Req,
  context: Context,
) => Response | Promise<Response>;

/** What a denied request is answered instead of the usual 429. */
type OnDenied<Args extends readonly unknown[]> = (
  decision: Decision,
  ...args: Args
) => Response | undefined | void | Promise<Response | undefined | void>;

/**
 * A route handler behind a limit: who asks is charged first; then the handler runs, once, and its response gets the
 * headers. What it throws, `redirect()` and `notFound()` included, passes through; the charge stays. A request over
 * its limit gets the 429 (503 where the store is away and `failureMode` is `closed`), and the handler does not run.
 *
 * `onDenied` may answer a response of its own, which gets the headers, too; the client waits for it, so what only
 * takes notes should not be awaited there (`after()` of Next.js).
 * @throws RateLimitError `ERR_INVALID_OPTION` at once; the handler rejects as the limiter's `checkRequest` does
 */
export function rateLimited<
  Req extends Request = Request,
  Context = unknown,
  L extends LimiterOfNext | DropIn = DropIn,
  Answer extends AnswerOf<L> = AnswerOf<L>,
>(
  handler: RouteHandler<Req, Context>,
  options: LimitOptions<L, [request: Req, context: Context], Answer> &
    Known<Answer> & { onDenied?: OnDenied<[Req, Context]> },
): (request: Req, context: Context) => Promise<Response> {
  if (arguments.length > 2) refuseSurplus('rateLimited', 2, arguments);
  requireHandler(handler);
  refuseOptions(options, ['onDenied']);
  return async (request, context) => {
    const decision = await decide(askedOf(request), options, [request, context]);
    if (decision instanceof Response) return decision;
    if (decision.allowed) {
      // What is no response is for Next.js to complain about, which names the route.
      const made: Partial<Response> | undefined = await handler(request, context);
      return (
        made?.headers === undefined ? made : setHeaders(made as Response, decision.headers)
      ) as Response;
    }
    const answer = await options.onDenied?.(decision, request, context);
    return answer instanceof Response ? setHeaders(answer, decision.headers) : decision.toResponse();
  };
}
