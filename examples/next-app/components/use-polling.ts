'use client';

import { useCallback, useEffect, useRef, useState } from 'react';

export interface Polled<T> {
  /** The last good answer; kept while newer ones fail. */
  data: T | null;
  /** Why the last question failed; empty where it did not. */
  problem: string;
  refresh: () => Promise<void>;
}

/**
 * Asks a route again and again, while the page is looked at. (An open event stream would hold up the end of a server.)
 * @param onUnauthorized told when the session has ended
 */
export function usePolling<T>(url: string, everyMs: number, onUnauthorized?: () => void): Polled<T> {
  const [data, setData] = useState<T | null>(null);
  const [problem, setProblem] = useState('');
  const asked = useRef(0);

  const refresh = useCallback(async () => {
    const mine = ++asked.current;
    try {
      const response = await fetch(url, { cache: 'no-store' });
      if (mine !== asked.current) return;
      if (response.status === 401 && onUnauthorized) return onUnauthorized();
      const body = await response.json();
      if (mine !== asked.current) return;
      if (!response.ok) return setProblem(body.message ?? `The server answered ${response.status}.`);
      setData(body);
      setProblem('');
    } catch {
      if (mine === asked.current) setProblem('The server does not answer.');
    }
  }, [url, onUnauthorized]);

  useEffect(() => {
    void refresh();
    const timer = setInterval(() => document.hidden || void refresh(), everyMs);
    return () => {
      clearInterval(timer);
      // An answer to what nobody asks any more is not shown.
      asked.current++;
    };
  }, [refresh, everyMs]);

  return { data, problem, refresh };
}
