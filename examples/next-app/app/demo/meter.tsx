'use client';

import { useEffect, useState } from 'react';
import type { LimitState } from './use-limit';

/** Up to this many requests each one is drawn as a piece of its own. */
const MOST_PIECES = 20;

const number = new Intl.NumberFormat('en');

function useSecondsUntil(endsAt: number | null) {
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (endsAt === null) return;
    const tick = () => setNow(performance.now());
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [endsAt]);
  if (endsAt === null || now === 0) return null;
  return Math.max(0, Math.ceil((endsAt - now) / 1000));
}

export function Meter({ state }: { state: LimitState | null }) {
  const seconds = useSecondsUntil(state?.endsAt ?? null);
  const limit = state?.limit ?? 1;
  const used = state?.used ?? 0;
  const percent = Math.min(100, (100 * used) / limit);
  const level = percent >= 90 ? 'full' : percent >= 75 ? 'near' : 'calm';
  const left = state
    ? `${number.format(state.remaining)} of ${number.format(limit)} requests left`
    : 'Not known yet';

  return (
    <div className="meter" data-level={level}>
      <p className="figure">
        <strong>{state ? number.format(state.remaining) : '–'}</strong>
        <span>{state ? `of ${number.format(limit)} left` : 'left'}</span>
      </p>
      <div
        className="track"
        role="meter"
        aria-label="Used"
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={used}
        aria-valuetext={left}
      >
        <div className="fill" style={{ width: `${percent}%` }} />
        {state && limit <= MOST_PIECES && <Divisions count={limit} />}
      </div>
      <p className="countdown">
        {seconds === null
          ? 'The window starts with the next request.'
          : `The window ends in ${clock(seconds)}.`}
      </p>
      <p className="visually-hidden" role="status">
        {state && left}
      </p>
    </div>
  );
}

function Divisions({ count }: { count: number }) {
  return (
    <div className="divisions" aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}

function clock(seconds: number) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
