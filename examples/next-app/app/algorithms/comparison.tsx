'use client';

import type { Algorithm } from 'spillway';
import { useCallback, useEffect, useState } from 'react';
import styles from './comparison.module.css';

interface Answer {
  id: number;
  status: number;
  remaining: number;
}

const KEPT = 40;
const LIMIT = 10;
const EVERY_MS = 500;

const ALGORITHMS: { name: Algorithm; title: string; text: string }[] = [
  {
    name: 'fixed-window',
    title: 'Fixed window',
    text: 'Ten from the first request on, then all ten anew. The cheapest; two windows side by side can admit twenty.',
  },
  {
    name: 'sliding-window',
    title: 'Sliding window',
    text: 'Never more than ten in any ten seconds, from a few counters. Room comes back in small steps.',
  },
  {
    name: 'sliding-log',
    title: 'Sliding log',
    text: 'Never more than ten in any ten seconds, exactly, from one entry for each admitted request.',
  },
  {
    name: 'token-bucket',
    title: 'Token bucket',
    text: 'A bucket of ten that is refilled by one each second: a burst, then a steady flow.',
  },
];

const none = (): Record<Algorithm, Answer[]> => ({
  'fixed-window': [],
  'sliding-window': [],
  'sliding-log': [],
  'token-bucket': [],
});

let nextId = 1;

async function ask(algorithm: Algorithm): Promise<Answer> {
  const response = await fetch(`/api/algorithms/${algorithm}`, { cache: 'no-store' });
  const remaining = Number(response.headers.get('X-RateLimit-Remaining') ?? 0);
  return { id: nextId++, status: response.status, remaining };
}

export function Comparison() {
  const [answers, setAnswers] = useState(none);
  const [steady, setSteady] = useState(false);
  const [problem, setProblem] = useState('');

  const send = useCallback(async (count: number) => {
    const requests = ALGORITHMS.flatMap(({ name }) =>
      Array.from({ length: count }, async () => {
        const answer = await ask(name);
        setAnswers((before) => ({ ...before, [name]: [...before[name], answer].slice(-KEPT) }));
      }),
    );
    const settled = await Promise.allSettled(requests);
    const lost = settled.some(({ status }) => status === 'rejected');
    setProblem(lost ? 'The server does not answer.' : '');
  }, []);

  useEffect(() => {
    if (!steady) return;
    const timer = setInterval(() => document.hidden || void send(1), EVERY_MS);
    return () => clearInterval(timer);
  }, [steady, send]);

  return (
    <>
      <div className={`buttons ${styles.buttons}`}>
        <button type="button" className="primary" onClick={() => void send(1)}>
          Send 1 to each
        </button>
        <button type="button" onClick={() => void send(15)}>
          Send 15 to each
        </button>
        <button type="button" aria-pressed={steady} onClick={() => setSteady(!steady)}>
          {steady ? 'Stop sending' : 'Send 2 a second'}
        </button>
      </div>
      <p className="problem" role="alert">
        {problem}
      </p>
      <div className="columns">
        {ALGORITHMS.map(({ name, title, text }) => (
          <section key={name} className={`card ${styles.algorithm}`} aria-labelledby={name}>
            <h2 id={name}>{title}</h2>
            <p className="note">{text}</p>
            <Outcome answers={answers[name]} />
          </section>
        ))}
      </div>
    </>
  );
}

function Outcome({ answers }: { answers: Answer[] }) {
  const newest = answers.at(-1);
  const admitted = answers.filter(({ status }) => status === 200).length;
  const refused = answers.length - admitted;
  return (
    <div className={styles.outcome}>
      <p className={styles.figures}>
        <span>
          <strong>{newest?.remaining ?? LIMIT}</strong> left
        </span>
        <span data-testid="outcome">
          {admitted} admitted, {refused} refused
        </span>
      </p>
      <div className={styles.strip} aria-hidden="true">
        {Array.from({ length: KEPT }, (_, i) => {
          const answer = answers[i];
          return <i key={answer?.id ?? -i} data-status={answer?.status ?? 'none'} />;
        })}
      </div>
    </div>
  );
}
