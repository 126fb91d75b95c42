'use client';

import { useSyncExternalStore } from 'react';
import styles from './playground.module.css';

const never = () => () => {};
const origin = () => window.location.origin;
const originOnServer = () => 'http://localhost:3000';

export function Shell({ organization }: { organization: string }) {
  const address = useSyncExternalStore(never, origin, originOnServer);
  return (
    <section className={`card wide ${styles.shell}`} aria-labelledby="shell-title">
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
