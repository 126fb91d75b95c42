'use client';

import { useCallback, useRef, useState } from 'react';

export interface Answer {
  id: number;
  at: Date;
  status: number;
  headers: [name: string, value: string][];
  /** What a refused request was told, and until when it has to wait, by `performance.now()`. */
  refused: { error: string; until: number } | null;
}

const SHOWN = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset', 'Retry-After'];
const KEPT = 100;

async function sendOne(url: string, id: number): Promise<Answer> {
  const response = await fetch(url, { cache: 'no-store' });
  const headers = SHOWN.flatMap((name): Answer['headers'] => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const { error = '' } = await response.json();
  const wait = Number(response.headers.get('Retry-After') ?? 0);
  const refused = response.ok ? null : { error, until: performance.now() + wait * 1_000 };
  return { id, at: new Date(), status: response.status, headers, refused };
}

/** Sends requests and keeps their answers, the newest first. `onAnswered` is told when all of a batch are there. */
export function useRequests(url: string, onAnswered: () => Promise<void>) {
  const [answers, setAnswers] = useState<Answer[]>([]);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState('');
  const nextId = useRef(1);

  const send = useCallback(
    async (count: number) => {
      setSending(true);
      const requests = Array.from({ length: count }, async () => {
        const answer = await sendOne(url, nextId.current++);
        setAnswers((before) => [answer, ...before].slice(0, KEPT));
      });
      const settled = await Promise.allSettled(requests);
      const failed = settled.filter(({ status }) => status === 'rejected').length;
      setProblem(failed > 0 ? `${failed} of ${count} requests got no answer. Is the server running?` : '');
      await onAnswered();
      setSending(false);
    },
    [url, onAnswered],
  );

  return { answers, sending, problem, send };
}
