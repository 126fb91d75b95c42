import type { MetricsSnapshot } from '@/lib/metrics';
import styles from './dashboard.module.css';

const number = new Intl.NumberFormat('en');
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** What this process decided in the last ten minutes. */
export function Totals({ metrics }: { metrics: MetricsSnapshot | null }) {
  const { allowed, denied, unchecked } = metrics?.totals ?? { allowed: 0, denied: 0, unchecked: 0 };
  const all = allowed + denied + unchecked;
  const figures = [
    {
      name: 'Requests',
      value: number.format(all),
      note: `${oneDigit.format(metrics?.perSecond ?? 0)} a second now`,
    },
    { name: 'Admitted', value: number.format(allowed), tone: 'calm' },
    { name: 'Denied', value: number.format(denied), tone: 'full', note: share(denied, all) },
    { name: 'Not counted', value: number.format(unchecked), tone: 'unchecked', note: 'admitted, Redis away' },
  ];
  return (
    <dl className={styles.totals} aria-label="The last ten minutes">
      {figures.map(({ name, value, tone, note }) => (
        <div key={name} className="card" data-tone={tone}>
          <dt>{name}</dt>
          <dd data-testid={`total-${name}`}>{metrics ? value : '–'}</dd>
          <dd className="note">{note ?? share(allowed, all)}</dd>
        </div>
      ))}
    </dl>
  );
}

const share = (part: number, all: number) =>
  all === 0 ? 'no requests yet' : `${oneDigit.format((100 * part) / all)} %`;
