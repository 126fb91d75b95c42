'use client';

import { useCallback, useEffect, useRef, useState } from 'react';
import type { RateLimitStatus } from '@/lib/status';

export interface LiveStatus {
  status: RateLimitStatus | null;
  /** When the window ends, on the clock of `performance.now()`, which nobody adjusts; null while none is running. */
  endsAt: number | null;
  /** Why there is nothing newer to show; empty where there is. */
  problem: string;
  refresh: () => Promise<void>;
}

/** Asks a status route: now, every `pollMs` while the page is looked at, and when the window ends. */
export function useRateLimitStatus(url: string, pollMs = 5_000): LiveStatus {
  const [status, setStatus] = useState<RateLimitStatus | null>(null);
  const [endsAt, setEndsAt] = useState<number | null>(null);
  const [problem, setProblem] = useState('');
  const asked = useRef(0);

  const refresh = useCallback(async () => {
    const mine = ++asked.current;
    try {
      const response = await fetch(url, { cache: 'no-store' });
      if (!response.ok) throw new Error(`The status route answered ${response.status}.`);
      const read = (await response.json()) as RateLimitStatus;
      // Only the answer to the last question counts: the address may have changed meanwhile.
      if (mine !== asked.current) return;
      setStatus(read);
      setEndsAt(read.resetInMs > 0 ? performance.now() + read.resetInMs : null);
      setProblem('');
    } catch (error) {
      if (mine === asked.current) setProblem(error instanceof Error ? error.message : String(error));
    }
  }, [url]);

  useEffect(() => {
    void refresh();
    const timer = setInterval(() => document.hidden || void refresh(), pollMs);
    return () => clearInterval(timer);
  }, [refresh, pollMs]);

  useEffect(() => {
    if (endsAt === null) return;
    const timer = setTimeout(() => void refresh(), Math.max(0, endsAt - performance.now()) + 50);
    return () => clearTimeout(timer);
  }, [endsAt, refresh]);

  return { status, endsAt, problem, refresh };
}
