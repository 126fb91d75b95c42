import type { RateLimitStatus } from '@/lib/status';
import styles from './playground.module.css';

const number = new Intl.NumberFormat('en');

/** Of a plan with several rates, where each one stands; the indicator shows the one that leaves the least. */
export function Rules({ rules }: Pick<RateLimitStatus, 'rules'>) {
  if (rules.length < 2) return null;
  return (
    <ul className={styles.rules} aria-label="Rules of the plan">
      {rules.map(({ rule, limit, remaining, algorithm }) => (
        <li key={rule}>
          <code>{rule}</code>
          <span className="note">{algorithm}</span>
          <span>
            {number.format(remaining)} of {number.format(limit)} left
          </span>
        </li>
      ))}
    </ul>
  );
}
