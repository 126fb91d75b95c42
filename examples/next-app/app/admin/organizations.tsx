'use client';

import { useEffect, useRef, useState } from 'react';
import { usePolling } from '@/components/use-polling';
import type { Usage, UsagePage } from '@/lib/usage';
import { ActionDialog, type Action } from './action-dialog';
import styles from './organizations.module.css';
import { OrganizationTable } from './organization-table';

const POLL_MS = 3_000;
const TYPING_MS = 200;
const number = new Intl.NumberFormat('en');

/** What was typed, once the typing has paused. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

export function Organizations({ onUnauthorized }: { onUnauthorized: () => void }) {
  const [search, setSearch] = useState('');
  const [view, setView] = useState<'all' | 'used'>('all');
  const [wantedPage, setWantedPage] = useState(1);
  const [action, setAction] = useState<{ kind: Action; of: Usage; turn: number } | null>(null);
  const turns = useRef(0);
  const [done, setDone] = useState('');
  const query = new URLSearchParams({ search: useSettled(search), view, page: String(wantedPage) });
  const { data, problem, refresh } = usePolling<UsagePage>(
    `/api/admin/organizations?${query}`,
    POLL_MS,
    onUnauthorized,
  );

  /** The browser tells late that a dialog closed: the next one may be open by then. */
  async function close(turn: number, outcome?: string) {
    setAction((now) => (now?.turn === turn ? null : now));
    if (outcome === undefined) return;
    setDone(outcome);
    await refresh();
  }

  return (
    <section className={`card ${styles.organizations}`} aria-labelledby="organizations-title">
      <div className={styles.heading}>
        <h2 id="organizations-title">Organizations</h2>
        <p className="note" data-testid="count">
          {data && `${number.format(data.total)} found`}
        </p>
      </div>
      <div className={styles.tools}>
        <label className="field">
          <span>Search by name or id</span>
          <input
            type="search"
            value={search}
            placeholder="acme, org-000042, Harbor Labs"
            onChange={(event) => {
              setSearch(event.target.value);
              setWantedPage(1);
            }}
          />
        </label>
        <label className="field">
          <span>Show</span>
          <select
            value={view}
            onChange={(event) => {
              setView(event.target.value as 'all' | 'used');
              setWantedPage(1);
            }}
          >
            <option value="all">All, by id</option>
            <option value="used">Those that used the most</option>
          </select>
        </label>
      </div>
      <p className="problem" role="alert">
        {problem}
      </p>
      <p className={styles.done} role="status">
        {done}
      </p>
      <OrganizationTable
        rows={data?.rows ?? []}
        onAction={(kind, of) => setAction({ kind, of, turn: ++turns.current })}
      />
      {data && <Pages {...data} onPage={setWantedPage} />}
      {action && (
        <ActionDialog
          key={action.turn}
          kind={action.kind}
          of={action.of}
          onClose={(outcome) => void close(action.turn, outcome)}
        />
      )}
    </section>
  );
}

function Pages({ page, pages, onPage }: UsagePage & { onPage: (page: number) => void }) {
  return (
    <nav className={styles.pages} aria-label="Pages of organizations">
      <button type="button" disabled={page <= 1} onClick={() => onPage(1)}>
        First
      </button>
      <button type="button" disabled={page <= 1} onClick={() => onPage(page - 1)}>
        Previous
      </button>
      <p>
        Page {number.format(page)} of {number.format(pages)}
      </p>
      <button type="button" disabled={page >= pages} onClick={() => onPage(page + 1)}>
        Next
      </button>
      <button type="button" disabled={page >= pages} onClick={() => onPage(pages)}>
        Last
      </button>
    </nav>
  );
}
