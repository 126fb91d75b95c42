'use client';

import { useEffect, useRef, useState, type FormEvent } from 'react';
import type { Organization } from '@/lib/organizations';
import styles from './organizations.module.css';

export type Action = 'reset' | 'block';

const DURATIONS = [
  { minutes: 1, text: '1 minute' },
  { minutes: 60, text: '1 hour' },
  { minutes: 1_440, text: '1 day' },
  { minutes: 10_080, text: '7 days' },
];

interface Props {
  kind: Action;
  of: Organization;
  /** With what was done, or without anything where it was not. */
  onClose: (outcome?: string) => void;
}

/** Asks before it is done. The browser keeps the focus inside, closes on Escape, and gives the focus back. */
export function ActionDialog({ kind, of: { id, name }, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const outcome = useRef<string>(undefined);
  const [minutes, setMinutes] = useState(60);
  const [waiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState('');

  useEffect(() => dialog.current?.showModal(), []);

  async function confirm(event: FormEvent) {
    event.preventDefault();
    setWaiting(true);
    setProblem('');
    const query = kind === 'block' ? `?minutes=${minutes}` : '';
    try {
      const response = await fetch(`/api/admin/organizations/${id}/${kind}${query}`, { method: 'POST' });
      if (!response.ok) throw new Error((await response.json()).message);
      outcome.current = kind === 'reset' ? `${name} has its whole limit again.` : `${name} is blocked.`;
      dialog.current?.close();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setWaiting(false);
    }
  }

  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby="action-title"
      onClose={() => onClose(outcome.current)}
    >
      <form onSubmit={(event) => void confirm(event)}>
        <h2 id="action-title">{kind === 'reset' ? `Reset ${name}?` : `Block ${name}?`}</h2>
        <p className="note">
          {kind === 'reset'
            ? 'Everything that was counted for it is forgotten, under all rules of its plan. A block ends.'
            : 'Every request of it is refused for that long. A reset ends the block.'}
        </p>
        {kind === 'block' && (
          <label className="field">
            <span>For</span>
            <select value={minutes} onChange={(event) => setMinutes(Number(event.target.value))}>
              {DURATIONS.map(({ minutes: value, text }) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </label>
        )}
        <p className="problem" role="alert">
          {problem}
        </p>
        <div className="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className="danger" disabled={waiting}>
            {kind === 'reset' ? 'Reset' : 'Block'}
          </button>
        </div>
      </form>
    </dialog>
  );
}
