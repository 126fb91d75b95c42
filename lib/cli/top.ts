import type { AnyLimiter, FleetView, KeyPage, ListedKey, ListOptions } from '../index';
import { setTimeout as sleep } from 'node:timers/promises';
import { HEAD, lineOf, WIDTHS } from './keys';
import { lasting, columns, say, sayJson, shownId } from './text';
import { withLimiter, type StoreFlags } from './open';
import { scopeFrom, type SubjectFlags } from './subject';

export interface TopFlags extends StoreFlags, SubjectFlags {
  readonly rule?: string;
  readonly limit: number;
  readonly every: string;
  readonly once?: boolean;
}

const PAGE = 5_000;

/** Who is limited now, the most limited in front: again and again on a terminal, else once. */
export async function top(flags: TopFlags): Promise<number> {
  const everyMs = lasting(flags.every);
  const isLive = process.stdout.isTTY && flags.once !== true && flags.json !== true;
  const options: ListOptions = { rule: flags.rule, kind: scopeFrom(flags.kind), pageSize: PAGE };
  await withLimiter(flags, async (limiter, { analytics = false }) => {
    do {
      const found = await look(limiter, options, flags.limit);
      const fleet = analytics ? await limiter.fleet({ hours: 1 }) : undefined;
      if (isLive) process.stdout.write('\u001b[H\u001b[2J');
      if (flags.json === true) sayJson({ ...found, fleet });
      else tell(found, fleet);
      if (isLive) await sleep(everyMs);
    } while (isLive);
  });
  return 0;
}

interface Found {
  /** Counts of subjects, each under one rule. */
  readonly counted: number;
  readonly atLimit: number;
  readonly blocked: number;
  /** Counted for plans of several limits, so that only the plan tells whether it is at its own. */
  readonly ofSeveralPlans: number;
  readonly tookMs: number;
  readonly items: readonly ListedKey[];
}

async function look(limiter: AnyLimiter, options: ListOptions, most: number): Promise<Found> {
  const startedMs = performance.now();
  let [counted, atLimit, blocked, ofSeveralPlans] = [0, 0, 0, 0];
  let kept: ListedKey[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page: KeyPage = await limiter.page({ ...options, cursor });
    for (const item of page.items) {
      counted++;
      if (item.blocked) blocked++;
      else if (item.limit === undefined) ofSeveralPlans++;
      else if (usedOf(item) >= 1) atLimit++;
    }
    // Memory stays bounded however many keys there are.
    kept = mostUsed([...kept, ...page.items], most);
    cursor = page.cursor === '' ? undefined : page.cursor;
  }
  const tookMs = Math.round(performance.now() - startedMs);
  return { counted, atLimit, blocked, ofSeveralPlans, tookMs, items: mostUsed(kept, most) };
}

/** The used part of a limit. */
const usedOf = ({ count, limit }: ListedKey) => (limit === undefined ? 0 : limit === 0 ? 1 : count / limit);

function mostUsed(items: readonly ListedKey[], most: number): ListedKey[] {
  // Redis may tell a key twice.
  return [...new Map(items.map((item) => [`${item.rule} ${item.subject}`, item])).values()]
    .sort((a, b) => Number(b.blocked) - Number(a.blocked) || usedOf(b) - usedOf(a) || b.count - a.count)
    .slice(0, most);
}

function tell(found: Found, fleet: FleetView | undefined): void {
  const { counted, atLimit, blocked, ofSeveralPlans, tookMs, items } = found;
  const many = (count: number) => count.toLocaleString('en');
  if (fleet !== undefined) tellFleet(fleet);
  say(
    `${many(counted)} counted, ${many(atLimit)} at their limit, ${many(blocked)} blocked (in ${tookMs} ms)`,
  );
  if (ofSeveralPlans > 0) {
    say(`Of ${many(ofSeveralPlans)} the limit is that of their plan, which the store does not know.`);
  }
  if (items.length === 0) return;
  for (const text of [columns(HEAD, WIDTHS), ...items.map(lineOf)]) say(text);
}

function tellFleet({ requestsPerMinute, denialRate, deniedSubjects }: FleetView): void {
  say(
    `${Math.round(requestsPerMinute)} requests a minute, ${(denialRate * 100).toFixed(1)} % of the last hour denied`,
  );
  const most = deniedSubjects.slice(0, 3).map(({ subject, denied }) => `${shownId(subject)} (${denied})`);
  if (most.length > 0) say(`Most denied: ${most.join(', ')}`);
}
