import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Null for an administrator; for anybody else the response to send. */
export function refuseUnlessAdmin(request: Request): Response | null {
  const token = process.env.ADMIN_TOKEN;
  if (!token) {
    const message = 'This route is off. Set ADMIN_TOKEN and send it as `Authorization: Bearer ...`.';
    return Response.json({ error: 'Not Found', message }, { status: 404 });
  }
  const given = request.headers.get('authorization') ?? '';
  // Digests have one length, so the comparison takes the same time whatever was sent.
  if (timingSafeEqual(digest(given), digest(`Bearer ${token}`))) return null;
  const message = 'Send the value of ADMIN_TOKEN as `Authorization: Bearer ...`.';
  const headers = { 'WWW-Authenticate': 'Bearer' };
  return Response.json({ error: 'Unauthorized', message }, { status: 401, headers });
}
