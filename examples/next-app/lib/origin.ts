/** The host that the browser asked: a proxy in front passes it on, and Next.js fills it in where none does. */
function ownHost(headers: Headers): string {
  const forwarded = headers.get('x-forwarded-host') ?? headers.get('host') ?? '';
  return forwarded.split(',')[0]!.trim();
}

/**
 * Whether a page of another site made this request. Ask it wherever a request changes something: a cookie's `SameSite` lets
 * the pages of sibling domains through, and a form that signs somebody in or out needs no cookie. A program that is no
 * browser sends neither header, and nobody can make it act unknowingly. Server actions are looked at by Next.js itself.
 */
export function isFromElsewhere({ headers }: { headers: Headers }): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') return true;
  const origin = headers.get('origin');
  if (origin === null) return false;
  // `null` is what a sandboxed frame says.
  if (!URL.canParse(origin)) return true;
  const { protocol, host } = new URL(origin);
  // Of the host alone: behind something that ends TLS, this server does not see the scheme.
  const own = `${protocol}//${ownHost(headers)}`;
  return !URL.canParse(own) || new URL(own).host !== host;
}

export const refuseElsewhere = () =>
  Response.json({ error: 'Forbidden', message: 'This request comes from another site.' }, { status: 403 });
