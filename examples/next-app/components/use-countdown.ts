'use client';

import { useEffect, useState } from 'react';

/** Whole seconds until an instant on the clock of `performance.now()`; null where there is none. */
export function useCountdown(endsAt: number | null): number | null {
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

const two = (n: number) => String(n).padStart(2, '0');

/** `0:42`, `59:10`, `1:02:03`. */
export function clock(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
