import type { Outcome } from './minute-counts';

export type Counts = { readonly [O in Outcome]: number };

export type HourCounts = Counts & { readonly startMs: number };

/** What the processes of a prefix counted together. Times are milliseconds since the epoch. */
export interface FleetView extends Counts {
  /** The denied part of what was decided, 0 to 1. */
  readonly denialRate: number;
  /** On average, over the last five minutes that are over. */
  readonly requestsPerMinute: number;
  /** What each hour counted, oldest first; hours that counted nothing included. */
  readonly byHour: readonly HourCounts[];
  /** The most denied, at most 20, with the hours in which they were; `other` are those for whom there was no room. */
  readonly deniedSubjects: readonly {
    readonly subject: string;
    readonly denied: number;
    readonly byHour: readonly { readonly startMs: number; readonly denied: number }[];
  }[];
  readonly deniedEndpoints: readonly { readonly endpoint: string; readonly denied: number }[];
  readonly rules: readonly (Counts & { readonly rule: string })[];
  /** Method and path, with what each hour counted that counted anything. */
  readonly endpoints: readonly (Counts & {
    readonly endpoint: string;
    readonly byHour: readonly HourCounts[];
  })[];
}

type Sums = ReadonlyMap<string, number>;

const MOST_SHOWN = 20;
const OUTCOMES = { a: 'admitted', d: 'denied', u: 'undecided' } as const satisfies Record<string, Outcome>;

/** @param minutes the last five that are over */
export function viewOf(
  hours: readonly { readonly startMs: number; readonly sums: Sums }[],
  minutes: readonly Sums[],
): FleetView {
  const all = hours.map(({ sums }) => sums);
  const total = countsOf('t', all).get('') ?? NOTHING;
  const decided = total.admitted + total.denied;
  const endpoints = countsOf('e', all);
  const byHour = hours.map(({ startMs, sums }) => ({ startMs, counts: countsOf('e', [sums]) }));
  const deniedByHour = hours.map(({ startMs, sums }) => ({ startMs, counts: countsOf('s', [sums]) }));
  const perMinute = countsOf('t', minutes).get('') ?? NOTHING;
  return {
    ...total,
    denialRate: decided === 0 ? 0 : total.denied / decided,
    requestsPerMinute: (perMinute.admitted + perMinute.denied + perMinute.undecided) / minutes.length,
    byHour: hours.map(({ startMs, sums }) => ({ startMs, ...(countsOf('t', [sums]).get('') ?? NOTHING) })),
    deniedSubjects: mostDenied(countsOf('s', all)).map(([subject, denied]) => ({
      subject,
      denied,
      byHour: deniedByHour.flatMap(({ startMs, counts }) => {
        const inHour = counts.get(subject)?.denied ?? 0;
        return inHour === 0 ? [] : [{ startMs, denied: inHour }];
      }),
    })),
    deniedEndpoints: mostDenied(endpoints).map(([endpoint, denied]) => ({ endpoint, denied })),
    rules: [...countsOf('r', all)].map(([rule, counts]) => ({ rule, ...counts })),
    endpoints: [...endpoints].map(([endpoint, counts]) => ({
      endpoint,
      ...counts,
      byHour: byHour.flatMap(({ startMs, counts: of }) => {
        const inHour = of.get(endpoint);
        return inHour === undefined ? [] : [{ startMs, ...inHour }];
      }),
    })),
  };
}

const NOTHING: Counts = { admitted: 0, denied: 0, undecided: 0 };

function countsOf(of: string, all: readonly Sums[]): Map<string, Counts> {
  const counts = new Map<string, { admitted: number; denied: number; undecided: number }>();
  for (const sums of all) {
    for (const [name, many] of sums) {
      if (name[0] !== of) continue;
      const outcome = OUTCOMES[name[1] as keyof typeof OUTCOMES];
      const key = name.slice(3);
      const one = counts.get(key) ?? { ...NOTHING };
      one[outcome] += many;
      counts.set(key, one);
    }
  }
  return counts;
}

function mostDenied(counts: ReadonlyMap<string, Counts>): [string, number][] {
  return [...counts]
    .map(([name, { denied }]): [string, number] => [name, denied])
    .filter(([, denied]) => denied > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_SHOWN);
}
