'use client';

import type { RateLimitStatus } from '@/lib/status';
import styles from './rate-limit-indicator.module.css';
import { clock, useCountdown } from './use-countdown';

export type Level = 'unknown' | 'calm' | 'near' | 'close' | 'full';

/** Up to this many requests each one is drawn as a piece of its own. */
const MOST_PIECES = 20;

const number = new Intl.NumberFormat('en');

/** Warnings start at 75 and at 90 %. */
export function levelOf({ percentUsed, remaining, blocked, source }: RateLimitStatus): Level {
  if (source === 'none') return 'unknown';
  if (blocked || remaining === 0) return 'full';
  if (percentUsed >= 90) return 'close';
  return percentUsed >= 75 ? 'near' : 'calm';
}

function warningOf(status: RateLimitStatus, level: Level): string {
  if (status.source === 'none') return 'Redis does not answer. Requests are admitted without being counted.';
  if (status.blocked) return 'Blocked by an administrator.';
  const left = `${number.format(status.remaining)} ${status.remaining === 1 ? 'request' : 'requests'} left`;
  if (level === 'full') return 'The limit is used up. Requests are refused until the window ends.';
  if (level === 'close') return `More than 90 % of the limit is used: ${left}.`;
  return level === 'near' ? 'Three quarters of the limit are used.' : '';
}

/**
 * How much of a limit is used: a bar, a warning at 75 and 90 %, and the time until it is whole again. Give it what
 * `useRateLimitStatus` returns: `<RateLimitIndicator {...useRateLimitStatus('/api/status')} />`.
 */
export function RateLimitIndicator({
  status,
  endsAt,
}: {
  status: RateLimitStatus | null;
  endsAt: number | null;
}) {
  const seconds = useCountdown(endsAt);
  const limit = status?.limit ?? 1;
  const level = status ? levelOf(status) : 'calm';
  const known = status !== null && level !== 'unknown';
  const left = known
    ? `${number.format(status.remaining)} of ${number.format(limit)} requests left`
    : 'Not known yet';
  const warning = status ? warningOf(status, level) : '';

  return (
    <div className={styles.indicator} data-level={level} data-testid="indicator">
      <p className={styles.figure}>
        <strong>{known ? number.format(status.remaining) : '–'}</strong>
        <span>{status ? `of ${number.format(limit)} left` : 'left'}</span>
        <span className={styles.percent}>{known ? `${status.percentUsed} % used` : ''}</span>
      </p>
      <div
        className={styles.track}
        role="meter"
        aria-label="Used"
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={status?.used ?? 0}
        aria-valuetext={left}
      >
        <div className={styles.fill} style={{ width: `${Math.min(100, status?.percentUsed ?? 0)}%` }} />
        {status && limit <= MOST_PIECES && <Divisions count={limit} />}
      </div>
      <p className={styles.countdown}>
        {seconds === null ? (
          known && 'The window starts with the next request.'
        ) : (
          <>
            {status?.blocked ? 'Blocked for' : 'Whole again in'} <time>{clock(seconds)}</time>
          </>
        )}
      </p>
      {/* Only what changes with the level stands in here: a reader of the page should not hear every request. */}
      <p className={styles.warning} role="status">
        {warning}
      </p>
    </div>
  );
}

function Divisions({ count }: { count: number }) {
  return (
    <div className={styles.divisions} aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}
