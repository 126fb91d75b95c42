import type { IncomingMessage, ServerResponse } from 'node:http';

const MOST_BYTES = 65_536;

/** A handler as `node:http`, Express and Fastify take one. */
export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error: unknown) => void,
) => Promise<void>;

/** What Express and others add to a request. */
interface Parsed extends IncomingMessage {
  /** The path before a mount took its part of it. */
  readonly originalUrl?: string;
  /** What a parser has read, which cannot be read again. */
  readonly body?: unknown;
}

/** A handler of `Request` for servers of `node:http`, and for those that pass `next` for what goes wrong. */
export function nodeHandler(answer: (request: Request) => Promise<Response>): NodeHandler {
  return async (incoming, outgoing, next) => {
    try {
      const request = await requestOf(incoming);
      await send(outgoing, request === undefined ? tooLarge() : await answer(request));
    } catch (error) {
      // An error of `authorize`, or a request that broke off; thrown from here it would end the process.
      if (next !== undefined) return next(error);
      console.error('spillway/dashboard: a request failed.', error);
      if (outgoing.headersSent) outgoing.destroy();
      else await send(outgoing, failure());
    }
  };
}

async function send(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.statusCode = response.status;
  response.headers.forEach((value, name) => {
    if (name !== 'set-cookie') outgoing.setHeader(name, value);
  });
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies);
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

async function requestOf(incoming: Parsed): Promise<Request | undefined> {
  const { method = 'GET', headers, originalUrl, url = '/', body } = incoming;
  const given = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    // Those of HTTP/2 itself begin with a colon.
    if (value !== undefined && !name.startsWith(':')) given.set(name, [value].flat().join(', '));
  }
  const host = headers.host ?? headers[':authority'];
  const path = originalUrl ?? url;
  const at = new URL(
    `http://${typeof host === 'string' && URL.canParse(`http://${host}`) ? host : 'localhost'}`,
  );
  const init = { method, headers: given };
  const target = `${at.origin}${path.startsWith('/') ? path : '/'}`;
  if (method === 'GET' || method === 'HEAD') return new Request(target, init);
  const text =
    body === undefined ? await textOf(incoming) : typeof body === 'string' ? body : JSON.stringify(body);
  return text === undefined ? undefined : new Request(target, { ...init, body: text });
}

/** Undefined: it is too large. */
async function textOf(incoming: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes <= MOST_BYTES) parts.push(part);
  }
  return bytes <= MOST_BYTES ? Buffer.concat(parts).toString() : undefined;
}

function tooLarge(): Response {
  const message = `The body has more than ${MOST_BYTES} bytes.`;
  return Response.json({ error: 'too-large', message }, { status: 413 });
}

function failure(): Response {
  return Response.json(
    { error: 'failed', message: 'The request failed; the log of the server says why.' },
    { status: 500 },
  );
}
