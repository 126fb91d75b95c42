import type { ListedKey, ListOptions } from '../index';
import { durationText, shownId } from '../base/text';
import { placeOf, withLimiter, type StoreFlags } from './open';
import { scopeFrom, subjectFrom, type SubjectFlags } from './subject';
import { coloured, columns, lasting, say, sayJson } from './text';
import { whoAmI } from './who';

export interface KeyFlags extends StoreFlags, SubjectFlags {
  readonly rule?: string;
  readonly by?: string;
}

export interface ListFlags extends KeyFlags {
  readonly match?: string;
  readonly limit?: number;
}

export const WIDTHS = [36, 20, 16, 12];
export const HEAD = ['SUBJECT', 'RULE', 'COUNT', 'ENDS IN'];
const PROGRESS_MS = 1_000;
const PAGE = 1_000;

/** Goes through what is counted, and says it as it comes. */
export async function list(flags: ListFlags): Promise<number> {
  const { match = '*', rule, limit = Infinity, json = false } = flags;
  const kind = scopeFrom(flags.kind);
  const options: ListOptions = { match, rule, kind, pageSize: PAGE };
  await withLimiter(flags, async (limiter) => {
    let count = 0;
    const progress = reporter(() => count);
    try {
      const items = limiter.list(options);
      say(json ? '[' : columns(HEAD, WIDTHS));
      for await (const item of items) {
        if (count === limit) break;
        say(json ? `${count === 0 ? '' : ','}${JSON.stringify(item)}` : lineOf(item));
        count++;
      }
      if (json) say(']');
      else if (count === 0) say(`Nothing is counted. Looked for ${placeOf(limiter, flags)}`);
    } finally {
      progress.end();
    }
  });
  return 0;
}

/** On a terminal, where nothing else would show that a long walk goes on. */
function reporter(count: () => number): { end(): void } {
  if (!process.stderr.isTTY || process.stdout.isTTY) return { end() {} };
  const timer = setInterval(
    () => process.stderr.write(`\r${count().toLocaleString('en')} keys`),
    PROGRESS_MS,
  );
  return {
    end() {
      clearInterval(timer);
      process.stderr.write('\r\u001b[K');
    },
  };
}

export function lineOf({ subject, rule, count, limit, resetTime, blocked }: ListedKey): string {
  const counted = blocked
    ? coloured('blocked', 'red')
    : limit === undefined
      ? `${count}`
      : `${count} of ${limit}`;
  return columns([shownId(subject), rule, counted, durationText(resetTime - Date.now())], WIDTHS);
}

/** What is counted for one subject. */
export async function status(key: string, flags: KeyFlags): Promise<number> {
  const subject = subjectFrom(key, flags);
  const { items, place } = await withLimiter(flags, async (limiter) => ({
    items: await limiter.status(subject, ruleOf(flags)),
    place: placeOf(limiter, flags),
  }));
  if (flags.json === true) sayJson(items);
  else if (items.length > 0) for (const text of [columns(HEAD, WIDTHS), ...items.map(lineOf)]) say(text);
  else say(`Nothing is counted for ${shownId(key)}, and nothing blocks it. Looked for ${place}`);
  return 0;
}

/** Forgets what is counted for a subject, blocks included. */
export async function reset(key: string, flags: KeyFlags): Promise<number> {
  const subject = subjectFrom(key, flags);
  const { forgotten, place } = await withLimiter(flags, async (limiter) => ({
    forgotten: await limiter.reset(subject, { ...ruleOf(flags), ...whoAmI(flags.by) }),
    place: placeOf(limiter, flags),
  }));
  if (flags.json === true) sayJson({ key, forgotten });
  else if (forgotten) say(`Forgotten: ${shownId(key)} starts afresh.`);
  else say(`Nothing was counted for ${shownId(key)}. Looked for ${place}`);
  return 0;
}

/** Denies a subject for so long. */
export async function block(key: string, duration: string, flags: KeyFlags): Promise<number> {
  const ms = lasting(duration);
  const subject = subjectFrom(key, flags);
  const place = await withLimiter(flags, async (limiter) => {
    await limiter.block(subject, ms, whoAmI(flags.by));
    return placeOf(limiter, flags);
  });
  const until = new Date(Date.now() + ms).toISOString();
  if (flags.json === true) sayJson({ key, blockedMs: ms, until });
  else {
    say(`Blocked: ${shownId(key)} for ${durationText(ms)}, until ${until}. spillway reset lifts it.`);
    say(`Known here are ${place}`);
  }
  return 0;
}

const ruleOf = ({ rule }: KeyFlags) => (rule === undefined ? {} : { rule });
