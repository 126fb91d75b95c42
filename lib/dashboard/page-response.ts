import { builtPage } from '../dashboard-page';

let headers: Record<string, string> | undefined;

/** The page: one text with all that it needs, which may ask nobody but its own server. */
export function pageResponse(): Response {
  const { html, script, style } = builtPage();
  headers ??= {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': [
      "default-src 'none'",
      `script-src ${script}`,
      `style-src ${style}`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
  };
  return new Response(html, { headers });
}
