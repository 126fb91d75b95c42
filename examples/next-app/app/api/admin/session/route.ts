import { NextResponse, type NextRequest } from 'next/server';
import { checkRequest } from 'spillway/next';
import { isFromElsewhere } from '@/lib/admin';
import { signIns } from '@/lib/limits';
import { record } from '@/lib/record';
import { COOKIE, createSession, isConfigured, isPassword } from '@/lib/session';

const refuse = (status: number, message: string) => NextResponse.json({ message }, { status });

/** Signs in. An attempt is charged before the password is looked at, and given back if it was right. */
export async function POST(request: NextRequest) {
  if (!isConfigured()) return refuse(503, 'Set ADMIN_PASSWORD and start again.');
  if (isFromElsewhere(request)) return refuse(403, 'This request comes from another site.');

  const attempt = record(
    '/api/admin/session',
    await checkRequest(request, { limiter: signIns, trustedProxies: 1 }),
  );
  if (!attempt.allowed) return attempt.toResponse();

  const body: unknown = await request.json().catch(() => null);
  const given = body !== null && typeof body === 'object' && 'password' in body ? body.password : undefined;
  if (typeof given !== 'string' || !isPassword(given)) return refuse(401, 'That is not the password.');

  await signIns.refund(attempt);
  const { value, maxAge } = createSession();
  const response = new NextResponse(null, { status: 204 });
  // Behind something that ends TLS, the address that this server sees begins with http.
  const secure =
    request.nextUrl.protocol === 'https:' || request.headers.get('x-forwarded-proto') === 'https';
  response.cookies.set(COOKIE, value, { httpOnly: true, sameSite: 'strict', secure, path: '/', maxAge });
  return response;
}

/** Signs out. */
export function DELETE() {
  const response = new NextResponse(null, { status: 204 });
  response.cookies.delete(COOKIE);
  return response;
}
