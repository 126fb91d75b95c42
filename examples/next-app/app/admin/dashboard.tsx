'use client';

import { useRouter } from 'next/navigation';
import { useCallback, useState } from 'react';
import type { Overview } from '@/app/api/admin/overview/route';
import { usePolling } from '@/components/use-polling';
import { OutcomesOverTime, OutcomesByRoute } from './charts';
import styles from './dashboard.module.css';
import { Organizations } from './organizations';
import { StoreHealth } from './store-health';
import { Totals } from './totals';

const POLL_MS = 2_000;

export function Dashboard() {
  const router = useRouter();
  const toLogin = useCallback(() => router.replace('/admin/login'), [router]);
  const { data, problem } = usePolling<Overview>('/api/admin/overview', POLL_MS, toLogin);
  const [stillIn, setStillIn] = useState('');

  async function signOut() {
    const response = await fetch('/api/admin/session', { method: 'DELETE' }).catch(() => null);
    if (response?.ok) return toLogin();
    if (response?.status === 503) return router.replace('/admin/login?signed-out=here');
    setStillIn('The server does not answer: you are still signed in.');
  }

  return (
    <>
      <header className={styles.heading}>
        <h1>Dashboard</h1>
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </header>
      <p className="problem" role="alert">
        {stillIn || problem}
      </p>
      <div className={styles.grid}>
        <StoreHealth overview={data} />
        <Totals metrics={data?.metrics ?? null} />
        <section className={`card ${styles.time}`} aria-labelledby="time-title">
          <h2 id="time-title">Over the last ten minutes</h2>
          <OutcomesOverTime metrics={data?.metrics ?? null} />
        </section>
        <section className={`card ${styles.route}`} aria-labelledby="route-title">
          <h2 id="route-title">By route</h2>
          <OutcomesByRoute metrics={data?.metrics ?? null} />
        </section>
        <Organizations onUnauthorized={toLogin} />
      </div>
    </>
  );
}
