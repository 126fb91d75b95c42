/** What is no HTTP, or came too late, reaches no route: it is answered on the socket itself. */
import type { Socket } from 'node:net';

const ANSWERS: { readonly [code: string]: readonly [status: string, code: string, message: string] } = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'too-large', 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'bad-request', 'The request did not come in time.'],
};
const OTHERWISE = ['400 Bad Request', 'bad-request', 'The request is no HTTP.'] as const;

export function answerBroken(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] = ANSWERS[error.code ?? ''] ?? OTHERWISE;
  const body = JSON.stringify({ error: code, message });
  const head = [`HTTP/1.1 ${status}`, 'Content-Type: application/json', 'Connection: close'];
  socket.end([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}
