'use client';

import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { usePolling } from './use-polling';
import styles from './top-bar.module.css';

const PAGES = [
  { href: '/', name: 'Limits' },
  { href: '/algorithms', name: 'Algorithms' },
  { href: '/admin', name: 'Dashboard' },
];

interface Health {
  status: 'healthy' | 'degraded';
  store: 'redis' | 'memory';
}

function describe(health: Health | null) {
  if (health === null) return { state: 'unknown', text: 'Asking the store' };
  if (health.status === 'degraded') return { state: 'degraded', text: 'Redis is away' };
  return health.store === 'redis'
    ? { state: 'connected', text: 'Redis connected' }
    : { state: 'embedded', text: 'Embedded store' };
}

export function TopBar() {
  const path = usePathname();
  const { data } = usePolling<Health>('/api/health', 5_000);
  const { state, text } = describe(data);
  return (
    <header className={styles.bar}>
      <div className={styles.inner}>
        <Link href="/" className={styles.wordmark}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M7 9h18M7 16h13M7 23h7" />
          </svg>
          spillway
        </Link>
        <nav aria-label="Pages">
          {PAGES.map(({ href, name }) => {
            const here = href === '/' ? path === '/' : path.startsWith(href);
            // The dashboard is a page of its own, and no part of this one.
            const Anchor = href === '/admin' ? 'a' : Link;
            return (
              <Anchor key={href} href={href} aria-current={here ? 'page' : undefined}>
                {name}
              </Anchor>
            );
          })}
        </nav>
        <p className={styles.store} data-state={state} role="status">
          <i aria-hidden="true" />
          {text}
        </p>
      </div>
    </header>
  );
}
