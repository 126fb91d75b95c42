import type { Overview } from '@/app/api/admin/overview/route';
import styles from './dashboard.module.css';

const time = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const TITLES = {
  embedded: 'Embedded store',
  connected: 'Redis connected',
  degraded: 'Degraded: Redis does not answer',
};

/** Whether limits are being counted, and since when that is so. */
export function StoreHealth({ overview }: { overview: Overview | null }) {
  if (overview === null) return <section className={`card ${styles.health}`} aria-busy="true" />;
  const { health, now } = overview;
  const { state, since, latencyMs, reconnects, timeouts, serverVersion, lastError } = health;
  return (
    <section className={`card ${styles.health}`} data-state={state} aria-labelledby="health-title">
      <div>
        <h2 id="health-title">{TITLES[state]}</h2>
        <p data-testid="since">
          since {time.format(since)} ({ago(now - since)})
        </p>
        {state === 'embedded' && (
          <p className="note">
            Each server counts for itself. Set REDIS_URL to share limits between servers.
          </p>
        )}
        {state === 'degraded' && (
          <p>Requests are admitted without being counted. {lastError && `Redis: ${lastError}.`}</p>
        )}
      </div>
      <dl className={styles.facts}>
        <Fact name="Check" value={latencyMs === null ? 'no answer' : `${latencyMs.toFixed(2)} ms`} />
        {state !== 'embedded' && <Fact name="Server" value={serverVersion ?? 'unknown'} />}
        {state !== 'embedded' && <Fact name="Reconnects" value={String(reconnects)} />}
        {state !== 'embedded' && <Fact name="Timeouts" value={String(timeouts)} />}
      </dl>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
