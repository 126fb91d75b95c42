'use client';

import { useState, type FormEvent } from 'react';
import { clock, useCountdown } from '@/components/use-countdown';
import styles from './login.module.css';

export function LoginForm() {
  const [waiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState('');
  const [lockedUntil, setLockedUntil] = useState<number | null>(null);
  const seconds = useCountdown(lockedUntil);
  const locked = seconds !== null && seconds > 0;

  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setWaiting(true);
    setProblem('');
    const password = new FormData(event.currentTarget).get('password');
    try {
      const response = await fetch('/api/admin/session', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ password }),
      });
      if (response.ok) return location.assign('/admin');
      const wait = Number(response.headers.get('Retry-After') ?? 0);
      if (response.status === 429) setLockedUntil(performance.now() + wait * 1_000);
      setProblem(response.status === 429 ? 'Too many wrong passwords.' : (await response.json()).message);
    } catch {
      setProblem('The server does not answer.');
    }
    setWaiting(false);
  }

  return (
    <form className={styles.form} onSubmit={(event) => void signIn(event)}>
      <label className="field">
        <span>Password</span>
        <input
          type="password"
          name="password"
          autoComplete="current-password"
          required
          aria-describedby="login-problem"
          autoFocus
        />
      </label>
      <button type="submit" className="primary" disabled={waiting || locked}>
        Sign in
      </button>
      <p id="login-problem" className="problem" role="alert">
        {problem}
      </p>
      {locked && (
        <p data-testid="retry">
          Try again in <time>{clock(seconds)}</time>
        </p>
      )}
    </form>
  );
}
