/** Plays faults of a store while processes ask it, and holds everything against what is promised. */
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { join } from 'node:path';
import { Script, type ScriptResult } from '../support/process';
import { delay, SLACK_MS, until } from '../support/wait';
import { chargesBreach, firstBreach, told, type Check, type Limit, type Terms } from './ledger';

/** Where faults are played: a server of its own, with a wire in front of it. */
export interface Place {
  /** As decisions name it. */
  readonly store: string;
  /** What the client is given to reach it, through the wire. */
  readonly given: object;
  /** The same where nobody is. */
  readonly nowhere: object;
  /** Checks a second that a process asks. */
  readonly perSecond: number;
  /** Reaches it beside the wire. */
  direct(): Pick<RateLimiterOptions, 'store' | 'redis'>;
  close(): Promise<void>;
}

export type End = () => unknown;

export interface Fault<P extends Place> {
  readonly name: string;
  /**
   * Returns when it has begun, and with what ends it: afterwards all is as before. `ms` is how long it lasts; `tell` writes
   * a line to the processes that ask.
   */
  begin(place: P, ms: number, tell: (line: string) => void): End | Promise<End>;
  /** How long it lasts; default 2,000. */
  readonly ms?: number;
  /** Nothing is counted meanwhile, so health has to say so from the first second on. */
  readonly away?: boolean;
  /** What health says of it meanwhile, once at least. */
  readonly says?: RegExp;
  /** When the store forgets what it has counted: as it begins, or as it ends, too. */
  readonly forgets?: 'begins' | 'begins and ends';
  /** How long after its end all has to be well again; default 1,000. */
  readonly recoversMs?: number;
}

const HOUR = 3_600_000;
const TIMEOUT_MS = 250;
const PROCESSES = 2;
const small = { limit: 20, windowMs: HOUR };
const PLANS: Readonly<Record<string, readonly Limit[]>> = {
  fixed: [{ algorithm: 'fixed-window', ...small }],
  sliding: [{ algorithm: 'sliding-window', ...small }],
  log: [{ algorithm: 'sliding-log', ...small }],
  bucket: [{ algorithm: 'token-bucket', ...small, burst: 25 }],
  layers: [
    { algorithm: 'fixed-window', ...small },
    { algorithm: 'sliding-window', limit: 22, windowMs: 2 * HOUR },
  ],
  // Never denies, so that every charge can be told.
  wide: [{ algorithm: 'fixed-window', limit: 1_000_000_000, windowMs: HOUR }],
};
const OPTIONS = Object.fromEntries(
  Object.entries(PLANS).map(([name, rules]) => [
    name,
    rules.map(({ limit, windowMs, ...rule }, i) => ({
      ...(i > 0 && { id: `rule-${i}` }),
      rate: { requests: limit, windowMs },
      ...rule,
    })),
  ]),
);

/** Bytes of a process: see client.cjs. */
interface Resident {
  all: number;
  allocated: number;
}

interface Said {
  health?: { startMs: number; endMs: number; healthy: boolean; lastError: string | null };
  checks?: [number, Check['mode'], string, string, number, number, number, boolean, string][];
  resident?: Resident;
  end?: {
    before: object;
    after: object;
    unsettled: number;
    faults: string[];
    mostResident: number;
  };
}

export interface Played {
  readonly checks: Check[];
  readonly healths: NonNullable<Said['health']>[];
}

let plays = 0;

/** @param again the command that plays it again with this seed */
export async function play<P extends Place>(
  place: P,
  faults: readonly Fault<P>[],
  seed: number,
  again: string,
): Promise<Played> {
  const prefix = `play-${plays++}:`;
  const client = `require(${JSON.stringify(join(__dirname, 'client.cjs'))})(given, report)`;
  const scripts = Array.from({ length: PROCESSES }, (_, i) => {
    const given = {
      ...{
        store: place.given,
        nowhere: place.nowhere,
        name: place.store,
        plans: OPTIONS,
        timeoutMs: TIMEOUT_MS,
        share: PROCESSES,
      },
      ...{ seed: seed + i, keys: 3, perSecond: place.perSecond, prefix },
    };
    const withinMs = 30_000 + faults.reduce((sum, { ms = 2_000 }) => sum + ms + 5_000, 0);
    return new Script(client, {
      given,
      // What is freed leaves the process, so that it can be measured.
      env: { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' },
      nodeArgs: ['--expose-gc', '--max-semi-space-size=1'],
      measured: true,
      withinMs,
    });
  });
  const said = () => scripts.map((script) => script.soFar as Said[]);
  const healths = () => said().map((reports) => reports.flatMap(({ health }) => health ?? []));
  const tell = (line: string) => scripts.forEach((script) => script.tell(line));
  const measure = async () => {
    const nth = said().map((reports) => reports.filter(({ resident }) => resident !== undefined).length);
    tell('measure');
    const measured = () => said().map((reports) => reports.flatMap(({ resident }) => resident ?? []));
    await until('measured', () => measured().every((all, i) => all.length > nth[i]!));
    return measured().map((all) => all.at(-1)!);
  };
  const well = async (withinMs: number, after: string) => {
    const sinceMs = now();
    const isWell = () =>
      healths().every((all) => all.some(({ startMs, healthy }) => startMs > sinceMs && healthy));
    const isOver = () => scripts.some(({ hasEnded }) => hasEnded);
    try {
      await until('well', () => isWell() || isOver(), { withinMs });
    } catch {
      const last = healths().map((all) => all.at(-1));
      throw new Error(`not well within ${withinMs} ms after ${after}; last said: ${JSON.stringify(last)}`);
    }
    if (isOver()) throw new Error(`a process that asks did not live to see the end of ${after}`);
  };

  const beganMs = now();
  const losses: number[] = [];
  const problems: string[] = [];
  try {
    await well(15_000, 'the start');
    await delay(1_000);
    let residentBefore = await measure();
    for (const [i, fault] of faults.entries()) {
      // Of many faults the first half warms up: what leaks grows in the second, too.
      if (i > 0 && i === faults.length >> 1) residentBefore = await measure();
      const { ms = 2_000, away, says, forgets, recoversMs = 1_000 } = fault;
      const fromMs = now();
      if (forgets !== undefined) losses.push(fromMs);
      const end = await fault.begin(place, ms, tell);
      const begunMs = now();
      await delay(ms);
      const untilMs = now();
      if (forgets === 'begins and ends') losses.push(untilMs);
      await end();
      await well(recoversMs + 4 * SLACK_MS, `'${fault.name}'`);
      const said = new Set(
        healths()
          .flat()
          .flatMap(({ startMs, lastError }) => (startMs > fromMs ? (lastError ?? []) : [])),
      );
      if (says !== undefined && ![...said].some((error) => says.test(error))) {
        problems.push(`of '${fault.name}' nobody said ${says}, but ${JSON.stringify([...said])}`);
      }
      if (!away) continue;
      const wrong = healths()
        .flat()
        .find(({ startMs, endMs, healthy }) => healthy && startMs > begunMs + 1_000 && endMs < untilMs);
      if (wrong)
        problems.push(`healthy ${((wrong.startMs - begunMs) / 1_000).toFixed(2)} s into '${fault.name}'`);
    }
    await delay(500);
    // What was freed goes back to the system a little later.
    let residentAfter = await measure();
    // Both do the same, and one of them may just have given pages back.
    const most = (of: keyof Resident) => Math.max(...residentBefore.map((one) => one[of]));
    const grown = () =>
      residentAfter.filter(({ allocated }) => allocated > most('allocated') + 0.1 * most('all'));
    for (let i = 0; i < 10 && grown().length > 0; i++) {
      await delay(300);
      residentAfter = await measure();
    }
    problems.push(
      ...grown().map(
        (after) =>
          `resident memory grew from ${JSON.stringify(residentBefore)} to ${JSON.stringify(after)} bytes`,
      ),
    );
  } finally {
    tell('stop');
    await Promise.all(scripts.map((script) => script.ended));
  }
  const ends = await Promise.all(scripts.map((script) => script.ended));
  problems.push(...ends.flatMap(problemsOf));
  const checks = said().flatMap((reports, process) => checksOf(reports, process));
  const terms: Terms = {
    ...{ plans: PLANS, store: place.store, share: PROCESSES, losses },
    answerMs: TIMEOUT_MS + SLACK_MS,
  };
  const breach = firstBreach(checks, terms);
  if (breach) problems.push(told(breach, beganMs, again));
  problems.push(...(await chargeProblems(place, prefix, checks, terms)));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { checks, healths: healths().flat() };
}

const now = () => performance.timeOrigin + performance.now();

function checksOf(reports: readonly Said[], process: number): Check[] {
  return reports.flatMap(({ checks = [] }) =>
    checks.map(([no, mode, plan, key, startMs, endMs, lostMs, allowed, source]) => {
      return { no, process, mode, plan, key, startMs, endMs, lostMs, allowed, source };
    }),
  );
}

function problemsOf({ code, late, stderr, reports }: ScriptResult, process: number): string[] {
  const end = (reports as Said[]).flatMap((one) => one.end ?? [])[0];
  if (code !== 0 || late || end === undefined) {
    return [`process ${process} ended with ${late ? 'a timeout' : code}: ${stderr}`];
  }
  const { before, after, unsettled, faults } = end;
  return [
    ...faults.slice(0, 3).map((fault) => `process ${process}: ${fault}`),
    ...(unsettled > 0 ? [`process ${process}: ${unsettled} promises never settled`] : []),
    ...(stderr === '' ? [] : [`process ${process} said: ${stderr}`]),
    ...(JSON.stringify(before) === JSON.stringify(after)
      ? []
      : [`process ${process}: before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`]),
  ];
}

/** What the store holds of the plan that never denies, beside what was admitted. */
async function chargeProblems(
  place: Place,
  prefix: string,
  checks: readonly Check[],
  terms: Terms,
): Promise<string[]> {
  const problems: string[] = [];
  for (const mode of ['open', 'closed', 'memory'] as const) {
    const limiter = createRateLimiter({
      ...place.direct(),
      ...{ plans: OPTIONS, prefix: prefix + mode, timeoutMs: 5_000, failureMode: 'closed', logger: false },
    });
    const { remaining, source } = await limiter.peek('all', 'wide');
    await limiter.close();
    if (source !== place.store) problems.push('the store does not answer after all');
    const asked = checks.filter((check) => check.mode === mode && check.plan === 'wide');
    const problem = chargesBreach(asked, PLANS.wide![0]!.limit - remaining, terms);
    if (problem !== undefined) problems.push(`failureMode '${mode}', key 'all': ${problem}`);
  }
  return problems;
}
