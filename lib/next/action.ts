import { invalidOption } from '../base/errors';
import { denialOf } from '../decision/denial';
import { decide } from './decide';
import { refuseSurplus } from '../base/surplus';
import {
  refuseOptions,
  type AnswerOf,
  type DropIn,
  type Known,
  type LimiterOfNext,
  type LimitOptions,
} from './options';

/** Where a server action stands: plain data, as the state of `useActionState`. */
export type ActionState =
  | { ok: true }
  | {
      ok: false;
      error: string;
      /** For people, in English. */
      message: string;
      /** In whole seconds, at least 1. */
      retryAfter: number;
      /** In milliseconds since the epoch. */
      resetTime: number;
    };

/**
 * Charges a server action and tells the outcome as state, because an action can set no headers, and the text of an
 * error does not reach the browser. Rules see the method `POST` and the path `/`, unless `identify` says otherwise;
 * an address comes from `identify`, too: `clientIp(await headers(), { trustedProxies: 1 })`.
 * @throws RateLimitError (as a rejection) `ERR_INVALID_OPTION`, also where no rule, plan or rate is for it; as the
 *   limiter's `checkRequest`
 */
export async function checkAction<
  L extends LimiterOfNext | DropIn = DropIn,
  Answer extends AnswerOf<L> = AnswerOf<L>,
>(options: LimitOptions<L, [], Answer> & Known<Answer>): Promise<ActionState> {
  if (arguments.length > 1) refuseSurplus('checkAction', 1, arguments);
  refuseOptions(options);
  const decision = await decide({ method: 'POST', path: '/', isAction: true }, options, []);
  if (decision instanceof Response) {
    throw invalidOption('identify of checkAction must tell who is asking. Return from the action before it.');
  }
  if (decision.allowed) return { ok: true };
  const { error, message, retryAfter } = denialOf(decision).body;
  return { ok: false, error, message, retryAfter, resetTime: decision.resetTime };
}
