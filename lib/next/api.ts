import type { ServerResponse } from 'node:http';
import { requireNodeResponse, type NodeResponse } from '../http/response';
import type { Decision } from '../decision/types';
import { decide } from './decide';
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

/** A request of `pages/api`, as far as it is read here. */
export interface ApiRequest {
  method?: string | undefined;
  url?: string | undefined;
  /** The path as it came, where a framework such as Express takes that of a mount off `url`. */
  originalUrl?: string | undefined;
  headers: { [name: string]: string | string[] | undefined };
  socket?: { remoteAddress?: string | undefined };
}

/** A handler of `pages/api`. */
export type ApiHandler<Req extends ApiRequest, Res extends NodeResponse> = (
  request: Req,
  response: Res,
) => unknown;

/**
 * A handler of `pages/api` behind a limit: as `rateLimited`, with the headers set before the handler runs. `onDenied`
 * may end the response itself; where it does not, the usual answer is sent.
 * @throws RateLimitError `ERR_INVALID_OPTION` at once; the handler rejects as the limiter's `checkRequest` does
 */
export function rateLimitedApi<
  Req extends ApiRequest,
  Res extends NodeResponse & { readonly headersSent: boolean },
  L extends LimiterOfNext | DropIn = DropIn,
  Answer extends AnswerOf<L> = AnswerOf<L>,
>(
  handler: ApiHandler<Req, Res>,
  options: LimitOptions<L, [request: Req, response: Res], Answer> &
    Known<Answer> & { onDenied?: (decision: Decision, request: Req, response: Res) => unknown },
): (request: Req, response: Res) => Promise<void> {
  if (arguments.length > 2) refuseSurplus('rateLimitedApi', 2, arguments);
  requireHandler(handler);
  refuseOptions(options, ['onDenied']);
  return async (request, response) => {
    requireNodeResponse(response);
    const { method = 'GET', url = '/', originalUrl: path = url, headers, socket } = request;
    const asked = { method, path, headers, remoteAddress: socket?.remoteAddress };
    const decision = await decide(asked, options, [request, response]);
    if (decision instanceof Response) return send(decision, response);
    if (!decision.allowed && options.onDenied !== undefined) {
      for (const [name, value] of Object.entries(decision.headers)) response.setHeader(name, value);
      await options.onDenied(decision, request, response);
      if (response.headersSent) return;
    }
    if (decision.applyToNodeResponse(response)) await handler(request, response);
  };
}

/** A response of the web through one of Node.js. */
async function send(from: Response, to: NodeResponse): Promise<void> {
  to.statusCode = from.status;
  from.headers.forEach((value, name) => to.setHeader(name, value));
  // Each cookie is a header of its own there, of which only the last would stay.
  const cookies = from.headers.getSetCookie();
  if (cookies.length > 0) (to as ServerResponse).setHeader('set-cookie', cookies);
  to.end(await from.text());
}
