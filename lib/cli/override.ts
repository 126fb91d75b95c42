import { whoAmI } from './who';
import {
  sharedRules,
  type Override,
  type RateLimiterOptions,
  type RateText,
  type SharedRules,
} from '../index';
import { durationText, limitText, shownId } from '../base/text';
import { withLimiter, type StoreFlags } from './open';
import { UsageError } from './usage';
import { nameFrom, type SubjectFlags } from './subject';
import { columns, lasting, say, sayJson } from './text';

export interface OverrideFlags extends StoreFlags, SubjectFlags {
  readonly rule?: string;
  readonly for?: string;
  readonly remove?: boolean;
  readonly by?: string;
}

/** Gives a subject other limits in the whole fleet, for a while or until it is removed. */
export async function override(
  key: string,
  limit: string | undefined,
  flags: OverrideFlags,
): Promise<number> {
  if ((limit === undefined) !== (flags.remove === true)) {
    throw new UsageError('Say a limit, such as 2x, 500/h or unlimited; or --remove.');
  }
  const subject = nameFrom(key, flags);
  const who = whoAmI(flags.by);
  if (limit === undefined) {
    const had = await withShared(flags, (shared) => shared.removeOverride(subject, who));
    if (flags.json === true) sayJson({ key, removed: had });
    else say(had ? `Removed: ${shownId(key)} has its own limits again.` : `${shownId(key)} had no override.`);
    return 0;
  }
  const value = overrideFrom(limit, flags.rule);
  const ms = flags.for === undefined ? undefined : lasting(flags.for);
  const expiresAt = ms === undefined ? undefined : Date.now() + ms;
  const isFollowed = await withShared(flags, async (shared, followed) => {
    await shared.setOverride(subject, value, { ...who, expiresAt });
    return followed;
  });
  if (flags.json === true) sayJson({ key, override: value, expiresAt: expiresAt ?? null });
  else {
    const end = ms === undefined ? 'until it is removed' : `for ${durationText(ms)}`;
    say(`Set: ${shownId(key)} has ${limit} ${end}. spillway override ${shownId(key)} --remove ends it.`);
    if (!isFollowed) say('It holds in processes whose limiter has the option sharedRules.');
  }
  return 0;
}

/** All that the fleet shares. */
export async function overrides(flags: StoreFlags): Promise<number> {
  const found = await withShared(flags, (shared) => shared.read());
  if (flags.json === true) {
    sayJson(found);
    return 0;
  }
  const widths = [36, 24, 12];
  const lines = [
    ...Object.entries(found.overrides).map(([subject, { override: value, expiresAt, by = '' }]) => {
      const ends = expiresAt === undefined ? 'never' : durationText(expiresAt - Date.now());
      return columns([shownId(subject), shownId(limitText(value)), ends, shownId(by)], widths);
    }),
    ...Object.entries(found.plans).map(([plan, { plan: value, by = '' }]) =>
      columns([`plan ${plan}`, shownId(limitText(value)), 'never', shownId(by)], widths),
    ),
  ];
  if (lines.length === 0) say('No override is set.');
  else for (const text of [columns(['SUBJECT', 'LIMIT', 'ENDS IN', 'BY'], widths), ...lines]) say(text);
  return 0;
}

function overrideFrom(limit: string, rule: string | undefined): Override {
  const [, times] = /^(\d{1,4}(?:\.\d{1,3})?)x$/.exec(limit) ?? [];
  if (times !== undefined && rule !== undefined) {
    throw new UsageError(
      'With --rule say a rate, such as 500/h: what is multiplied is all that the subject has.',
    );
  }
  if (times !== undefined) return { multiply: Number(times) };
  // What is no rate is refused by whoever reads the override.
  const rates = limit.split(',') as RateText[];
  if (rule !== undefined) return { rules: { [rule]: limit as RateText } };
  return rates.length === 1 ? rates[0]! : rates;
}

async function withShared<T>(
  flags: StoreFlags,
  act: (shared: SharedRules, isFollowed: boolean) => Promise<T>,
): Promise<T> {
  return withLimiter(flags, async (_, options) => {
    const shared = options.sharedRules ?? ownShared(options);
    try {
      return await act(shared, options.sharedRules !== undefined);
    } finally {
      await shared.close();
    }
  });
}

function ownShared({ store, redis, prefix }: RateLimiterOptions): SharedRules {
  const where = store === undefined ? { redis } : { store };
  return sharedRules({ ...where, prefix, logger: false });
}
