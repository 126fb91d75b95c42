/** Compares what was admitted with what may be, and with what the store charged. */
import type { Algorithm, FailureMode } from 'spillway';

export interface Limit {
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly windowMs: number;
  /** Of a token bucket; default: the limit. */
  readonly burst?: number;
}

/** One check, as the process saw it that asked. */
export interface Check {
  /** In the order in which its process asked. */
  readonly no: number;
  readonly process: number;
  readonly mode: FailureMode;
  readonly plan: string;
  readonly key: string;
  /** Milliseconds since the epoch, by a clock that all processes share. */
  readonly startMs: number;
  readonly endMs: number;
  /** For so long its process was kept from running meanwhile. */
  readonly lostMs: number;
  readonly allowed: boolean;
  /** Who decided: the store's name, `memory` (this process alone) or `none` (the failure mode). */
  readonly source: string;
}

/** What was promised. */
export interface Terms {
  /** The rules of each plan. */
  readonly plans: Readonly<Record<string, readonly Limit[]>>;
  readonly store: string;
  /** Latest answer after a check was asked, in ms. */
  readonly answerMs: number;
  /** Of `failureMode: 'memory'`: among how many processes a limit is divided. */
  readonly share: number;
  /** When the store forgot what it had counted; each time the limits begin anew. */
  readonly losses: readonly number[];
}

export interface Breach {
  readonly check: Check;
  readonly why: string;
}

/** The first check, in the order of answers, that breaks the terms. */
export function firstBreach(checks: readonly Check[], terms: Terms): Breach | undefined {
  const books = new Map<string, { firstMs: number; admitted: number }>();
  for (const check of [...checks].sort((a, b) => a.endMs - b.endMs)) {
    const why = breaks(check, terms, books);
    if (why !== undefined) return { check, why };
  }
  return undefined;
}

function breaks(
  check: Check,
  terms: Terms,
  books: Map<string, { firstMs: number; admitted: number }>,
): string | undefined {
  const { mode, source, allowed, process, plan, key, startMs, endMs, lostMs } = check;
  const tookMs = endMs - startMs - lostMs;
  if (tookMs > terms.answerMs) return `answered after ${tookMs.toFixed(0)} ms, at most ${terms.answerMs}`;
  if (source === 'none') {
    if (mode === 'open' && allowed) return undefined;
    if (mode === 'closed' && !allowed) return undefined;
    return `${allowed ? 'admitted' : 'denied'} by nobody, with failureMode '${mode}'`;
  }
  const local = source === 'memory';
  if (!local && source !== terms.store) return `answered by '${source}', which nobody asked`;
  if (local && mode !== 'memory') return `counted by this process alone, with failureMode '${mode}'`;
  const account = `${local ? process : 'store'} ${mode} ${plan} ${key}`;
  const book = books.get(account) ?? { firstMs: startMs, admitted: 0 };
  books.set(account, book);
  book.firstMs = Math.min(book.firstMs, startMs);
  if (!allowed) return undefined;
  book.admitted++;
  for (const rule of terms.plans[plan]!) {
    const most = local
      ? bound({ ...rule, limit: Math.ceil(rule.limit / terms.share) }, endMs - book.firstMs, 0)
      : bound(rule, endMs - book.firstMs, terms.losses.filter((lossMs) => lossMs < endMs).length);
    if (book.admitted > most) return `admitted by ${source} as number ${book.admitted} of at most ${most}`;
  }
  return undefined;
}

/** What a rule admits at most in a span of so many ms, within which its counts were lost so often: docs/semantics.md. */
export function bound(
  { algorithm, limit, windowMs, burst = limit }: Limit,
  spanMs: number,
  losses: number,
): number {
  if (algorithm === 'token-bucket') return burst * (1 + losses) + Math.ceil((spanMs * limit) / windowMs);
  return limit * (1 + losses + Math.floor(spanMs / windowMs));
}

/** Charges of one key of a rule that never denies, compared with the checks: what the store did not answer may be charged, once. */
export function chargesBreach(
  checks: readonly Check[],
  charged: number,
  { store, losses }: Pick<Terms, 'store' | 'losses'>,
): string | undefined {
  const answered = checks.filter(({ source }) => source === store).length;
  if (charged > checks.length) return `${charged} charged for ${checks.length} checks`;
  if (charged < answered && losses.length === 0) return `${charged} charged, ${answered} admitted`;
  return undefined;
}

/** A breach as a test fails with it. */
export function told({ check, why }: Breach, sinceMs: number, again: string): string {
  const { no, process, mode, plan, key, startMs } = check;
  const at = ((startMs - sinceMs) / 1_000).toFixed(3);
  return `check ${no} of process ${process}, key '${key}', plan '${plan}', failureMode '${mode}', asked at ${at} s: ${why}\nplay it again: ${again}`;
}
