import { NextResponse, type NextRequest } from 'next/server';
import { isFromElsewhere, refuseElsewhere } from '@/lib/origin';
import { COOKIE, createDevice, createSession, DEVICE_COOKIE, isConfigured, isPassword } from '@/lib/session';
import { chargeAttempt } from '@/lib/sign-in';
import { signOut } from '@/lib/signed-in';

const refuse = (status: number, message: string) => NextResponse.json({ message }, { status });

/** Signs in. An attempt is charged before the password is looked at, and given back if it was right. */
export async function POST(request: NextRequest) {
  if (!isConfigured()) return refuse(503, 'Set ADMIN_PASSWORD and start again.');
  if (isFromElsewhere(request)) return refuseElsewhere();

  const { decision, giveBack } = await chargeAttempt(request);
  if (!decision.allowed) return decision.toResponse();

  const body: unknown = await request.json().catch(() => null);
  const given = body !== null && typeof body === 'object' && 'password' in body ? body.password : undefined;
  if (typeof given !== 'string' || !isPassword(given)) return refuse(401, 'That is not the password.');

  await giveBack();
  const response = new NextResponse(null, { status: 204 });
  // Behind something that ends TLS, the address that this server sees begins with http.
  const secure =
    request.nextUrl.protocol === 'https:' || request.headers.get('x-forwarded-proto') === 'https';
  const options = { httpOnly: true, sameSite: 'strict', secure } as const;
  const [session, device] = [createSession(), createDevice()];
  response.cookies.set(COOKIE, session.value, { ...options, path: '/', maxAge: session.maxAge });
  const path = '/api/admin/session';
  response.cookies.set(DEVICE_COOKIE, device.value, { ...options, path, maxAge: device.maxAge });
  return response;
}

/** Signs out: the browser forgets the session, and a copy of it is refused from now on. */
export async function DELETE(request: NextRequest) {
  if (isFromElsewhere(request)) return refuseElsewhere();
  const everywhere = await signOut(request.cookies.get(COOKIE)?.value);
  const response = everywhere
    ? new NextResponse(null, { status: 204 })
    : refuse(503, 'Signed out on this server. Redis does not answer, so the others were not told.');
  response.cookies.delete(COOKIE);
  return response;
}
