'use client';

import { useSyncExternalStore } from 'react';

const never = () => () => {};
const origin = () => window.location.origin;
const originOnServer = () => 'http://localhost:3000';

export function Shell({ organization }: { organization: string }) {
  const address = useSyncExternalStore(never, origin, originOnServer);
  return (
    <section className="card wide" aria-labelledby="shell-title">
      <h2 id="shell-title">The same from a shell</h2>
      <pre tabIndex={0} aria-labelledby="shell-title" role="region">
        <code>{`for i in $(seq 12); do
  curl -si '${address}/api/limited?org=${organization}' |
    grep -iE '^(HTTP|X-RateLimit|Retry-After)'
done`}</code>
      </pre>
    </section>
  );
}
