import type { AnyLimiter, FleetView, KeyPage, ListedKey, ListOptions } from '../index';
import { shownId } from '../base/text';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { HEAD, lineOf, WIDTHS } from './keys';
import { lasting, columns, say, sayJson } from './text';
import { placeOf, withLimiter, type StoreFlags } from './open';
import { scopeFrom, type SubjectFlags } from './subject';

export interface TopFlags extends StoreFlags, SubjectFlags {
  readonly rule?: string;
  readonly limit: number;
  readonly every: string;
  readonly once?: boolean;
}

const PAGE = 5_000;
/** How often a first look says what it has found until then. */
const SO_FAR_MS = 250;

/** Who is limited now, the most limited in front: again and again on a terminal, else once. */
export async function top(flags: TopFlags): Promise<number> {
  const everyMs = lasting(flags.every);
  const isLive = process.stdout.isTTY && flags.once !== true && flags.json !== true;
  const options: ListOptions = { rule: flags.rule, kind: scopeFrom(flags.kind), pageSize: PAGE };
  // Before the first whole picture there is nothing else to look at.
  let tellSoFar = isLive ? (soFar: Found) => draw(() => tell(soFar, undefined, ' so far')) : undefined;
  await withLimiter(flags, async (limiter, { analytics = false }) => {
    do {
      const found = await look(limiter, options, flags.limit, tellSoFar);
      tellSoFar = undefined;
      const fleet = analytics ? await limiter.fleet({ hours: 1 }) : undefined;
      const picture = () => {
        tell(found, fleet);
        if (found.counted === 0) say(`Looked for ${placeOf(limiter, flags)}`);
      };
      if (flags.json === true) sayJson({ ...found, fleet });
      else if (isLive) draw(picture);
      else picture();
      if (isLive) await sleep(everyMs);
    } while (isLive);
  });
  return 0;
}

function draw(picture: () => void): void {
  process.stdout.write('\u001b[H\u001b[2J');
  picture();
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

async function look(
  limiter: AnyLimiter,
  options: ListOptions,
  most: number,
  tellSoFar?: (soFar: Found) => void,
): Promise<Found> {
  const startedMs = performance.now();
  let toldMs = -Infinity;
  let [counted, atLimit, blocked, ofSeveralPlans] = [0, 0, 0, 0];
  let kept: ListedKey[] = [];
  let next: Promise<KeyPage> | undefined = limiter.page(options);
  while (next !== undefined) {
    const { items, cursor }: KeyPage = await next;
    next = cursor === '' ? undefined : limiter.page({ ...options, cursor });
    // What it rejects with is thrown where it is waited for.
    next?.catch(() => {});
    // Sent off at the end of a turn: the server works on the next page while this one is gone through.
    await setImmediate();
    const least = kept.length < most ? undefined : kept.at(-1);
    const better: ListedKey[] = [];
    for (const item of items) {
      counted++;
      if (item.blocked) blocked++;
      else if (item.limit === undefined) ofSeveralPlans++;
      else if (usedOf(item) >= 1) atLimit++;
      if (least === undefined || byUse(item, least) < 0) better.push(item);
    }
    // Memory stays bounded however many keys there are.
    if (better.length > 0) kept = mostUsed([...kept, ...better], most);
    if (next !== undefined && performance.now() >= toldMs + SO_FAR_MS) {
      toldMs = performance.now();
      tellSoFar?.(soFar());
    }
  }
  return soFar();

  function soFar(): Found {
    const tookMs = Math.round(performance.now() - startedMs);
    return { counted, atLimit, blocked, ofSeveralPlans, tookMs, items: mostUsed(kept, most) };
  }
}

/** The used part of a limit. */
const usedOf = ({ count, limit }: ListedKey) => (limit === undefined ? 0 : limit === 0 ? 1 : count / limit);

/** The most limited in front. */
const byUse = (a: ListedKey, b: ListedKey) =>
  Number(b.blocked) - Number(a.blocked) || usedOf(b) - usedOf(a) || b.count - a.count;

function mostUsed(items: readonly ListedKey[], most: number): ListedKey[] {
  // Redis may tell a key twice.
  return [...new Map(items.map((item) => [`${item.rule} ${item.subject}`, item])).values()]
    .sort(byUse)
    .slice(0, most);
}

function tell(found: Found, fleet: FleetView | undefined, soFar = ''): void {
  const { counted, atLimit, blocked, ofSeveralPlans, tookMs, items } = found;
  const many = (count: number) => count.toLocaleString('en');
  if (fleet !== undefined) tellFleet(fleet);
  say(
    `${many(counted)} counted${soFar}, ${many(atLimit)} at their limit, ${many(blocked)} blocked (in ${tookMs} ms)`,
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
