'use client';

import { useCallback, useEffect, useRef, useState } from 'react';
import type { Caller } from '@/lib/callers';

export interface LimitState {
  limit: number;
  used: number;
  remaining: number;
  /** When the window ends, on the clock of `performance.now()`; null while none is running. */
  endsAt: number | null;
  store: 'redis' | 'memory';
}

export interface Answer {
  id: number;
  at: Date;
  status: number;
  headers: [name: string, value: string][];
}

const SHOWN = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset', 'Retry-After'];
const KEPT = 100;

async function readStatus(query: string): Promise<LimitState> {
  const response = await fetch(`/api/status?${query}`, { cache: 'no-store' });
  if (!response.ok) throw new Error(`The status route answered ${response.status}.`);
  const { limit, used, remaining, resetInMs, store } = await response.json();
  return { limit, used, remaining, store, endsAt: used > 0 ? performance.now() + resetInMs : null };
}

async function sendOne(query: string, id: number): Promise<Answer> {
  const response = await fetch(`/api/limited?${query}`, { cache: 'no-store' });
  const headers = SHOWN.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value] as [string, string]];
  });
  return { id, at: new Date(), status: response.status, headers };
}

/** What the server says about one caller's limit, and the answers that this page got. */
export function useLimit({ organization, plan }: Caller) {
  const [state, setState] = useState<LimitState | null>(null);
  const [answers, setAnswers] = useState<Answer[]>([]);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState('');
  const nextId = useRef(1);
  const query = new URLSearchParams({ org: organization, plan }).toString();
  const current = useRef(query);

  const refresh = useCallback(async () => {
    current.current = query;
    try {
      const read = await readStatus(query);
      // The caller may have been changed while the answer was on its way.
      if (current.current !== query) return;
      setState(read);
      setProblem('');
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }, [query]);

  useEffect(() => {
    void refresh();
  }, [refresh]);

  // At the end of the window the server is asked again.
  const endsAt = state?.endsAt ?? null;
  useEffect(() => {
    if (endsAt === null) return;
    const timer = setTimeout(refresh, Math.max(0, endsAt - performance.now()) + 50);
    return () => clearTimeout(timer);
  }, [endsAt, refresh]);

  const send = useCallback(
    async (count: number) => {
      setSending(true);
      const requests = Array.from({ length: count }, async () => {
        const answer = await sendOne(query, nextId.current++);
        setAnswers((before) => [answer, ...before].slice(0, KEPT));
        return answer;
      });
      const settled = await Promise.allSettled(requests);
      const failed = settled.filter(({ status }) => status === 'rejected').length;
      await refresh();
      if (failed > 0) setProblem(`${failed} of ${count} requests got no answer. Is the server running?`);
      setSending(false);
    },
    [query, refresh],
  );

  return { state, answers, sending, problem, send };
}
