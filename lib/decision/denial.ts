import { invalidOption } from '../base/errors';
import { denialBody, type DenialBody } from '../http/response';
import type { DecisionFields, Reason } from './types';

/** Why a request is denied, where it is not the limit that is used up. */
const WHY: { readonly [R in Reason]?: string } = {
  blocked: 'Requests are blocked.',
  denied: 'Requests are blocked.',
  unidentified: 'It cannot be told who is asking.',
  'never-fits': 'The request asks for more than its limit ever admits.',
};

/** What a denied request is told. @throws RateLimitError `ERR_INVALID_OPTION` where the request is admitted */
export function denialOf({ allowed, reason, retryAfter }: DecisionFields): {
  status: number;
  body: DenialBody;
} {
  if (allowed) {
    throw invalidOption('Only a denied request has a response of its own. Use applyTo for any decision.');
  }
  const seconds = Math.max(1, retryAfter);
  if (reason === 'unavailable') {
    const why = 'Rate limits cannot be checked at the moment.';
    return { status: 503, body: denialBody(why, seconds, 'Service Unavailable') };
  }
  return { status: 429, body: denialBody(WHY[reason] ?? 'Rate limit exceeded.', seconds) };
}
