import { invalidOption } from '../base/errors';
import type { Decision } from '../decision/types';
import { askedOf, decide } from './decide';
import { refuseSurplus } from '../base/surplus';
import {
  refuseOptions,
  type AnswerOf,
  type DropIn,
  type Known,
  type LimiterOfNext,
  type LimitOptions,
} from './options';

/**
 * Charges a request in `proxy.ts`, or in `middleware.ts` with `runtime: 'nodejs'`: its method and path choose among
 * the limiter's rules, besides Next.js' own `matcher`. Answer `decision.toResponse()` where it is denied. Where it is
 * admitted set no headers here: they would replace the route's own of the same name.
 * @throws RateLimitError (as a rejection) `ERR_INVALID_OPTION`; as the limiter's `checkRequest`
 */
export async function checkRequest<
  Req extends Request,
  L extends LimiterOfNext | DropIn = DropIn,
  Answer extends AnswerOf<L> = AnswerOf<L>,
>(request: Req, options: LimitOptions<L, [request: Req], Answer> & Known<Answer>): Promise<Decision> {
  if (arguments.length > 2) refuseSurplus('checkRequest', 2, arguments);
  refuseOptions(options);
  const decision = await decide(askedOf(request), options, [request]);
  if (!(decision instanceof Response)) return decision;
  throw invalidOption('identify of checkRequest must tell who is asking. Answer a Response before it.');
}
