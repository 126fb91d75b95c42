'use client';

import type { Usage, UsageState } from '@/lib/usage';
import type { Action } from './action-dialog';
import styles from './organizations.module.css';

const number = new Intl.NumberFormat('en');

const STATES: Record<UsageState, { text: string; tone?: string }> = {
  ok: { text: 'OK', tone: 'good' },
  near: { text: 'Near its limit', tone: 'warn' },
  exhausted: { text: 'Used up', tone: 'bad' },
  blocked: { text: 'Blocked', tone: 'bad' },
  unknown: { text: 'Unknown' },
};

function duration(ms: number): string {
  if (ms === 0) return '–';
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`;
}

interface Props {
  rows: Usage[];
  onAction: (kind: Action, of: Usage) => void;
}

export function OrganizationTable({ rows, onAction }: Props) {
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">Organization</th>
          <th scope="col">Plan</th>
          <th scope="col">Used</th>
          <th scope="col">Resets in</th>
          <th scope="col">State</th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={row.id} row={row} onAction={onAction} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row, onAction }: { row: Usage; onAction: Props['onAction'] }) {
  const { id, name, plan, state, limit, remaining, resetInMs } = row;
  const used = limit - remaining;
  const { text, tone } = STATES[state];
  return (
    <tr data-id={id} data-state={state}>
      <th scope="row">
        <span>{name}</span>
        <code>{id}</code>
      </th>
      <td data-label="Plan">{plan}</td>
      <td data-label="Used">
        <span className={styles.used}>
          <span className={styles.track} aria-hidden="true">
            <i style={{ width: `${(100 * used) / limit}%` }} />
          </span>
          {state === 'unknown' ? '–' : `${number.format(used)} of ${number.format(limit)}`}
        </span>
      </td>
      <td data-label="Resets in">{duration(resetInMs)}</td>
      <td data-label="State">
        <span className="tag" data-tone={tone}>
          {text}
        </span>
      </td>
      <td className={styles.actions}>
        <button type="button" onClick={() => onAction('reset', row)} aria-label={`Reset ${name}`}>
          Reset
        </button>
        <button type="button" onClick={() => onAction('block', row)} aria-label={`Block ${name}`}>
          Block
        </button>
      </td>
    </tr>
  );
}
