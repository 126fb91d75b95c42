/** The development server compiles by eval and writes style elements; what is built does neither. */
const developing = process.env.NODE_ENV === 'development';

/**
 * What a page may load and run: the scripts that carry the answer's own nonce, what those load, and everything else from
 * this server alone. Style attributes are allowed, because React writes the width of a bar as one; style elements are not.
 */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'${developing ? " 'unsafe-eval'" : ''}`,
    `style-src 'self'${developing ? " 'unsafe-inline'" : ''}`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}
