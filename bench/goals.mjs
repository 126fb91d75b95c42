// The figures that the project set itself, each as a ratio within one run.
import { median } from './measure.mjs';

/** The subject of every goal: the drop-in, which is what most people will call. */
export const SUBJECT = 'spillway';
const RAW = [
  'ioredis',
  'ioredis-timeout',
  'ioredis-auto',
  'ioredis-auto-timeout',
  'node-redis',
  'node-redis-untimed',
];

/** Median over the rounds of subject's figure by peer's; `figure` reads one number of a level. */
export function ratio(run, figure, inFlight, peer, subject = SUBJECT) {
  return median(
    run.rounds.map((round) => {
      const [mine, theirs] = [round[subject]?.[inFlight], round[peer]?.[inFlight]];
      return mine && theirs ? figure(mine, round) / figure(theirs, round) : NaN;
    }),
  );
}

export const figures = {
  perSecond: (level) => level.perSecond,
  main: (level) => level.mainMicros ?? NaN,
  mainLessFloor: (level, round) =>
    (level.mainMicros ?? NaN) - (round.floor?.[level.inFlight]?.mainMicros ?? NaN),
  whole: (level) => level.processMicros,
  redis: (level) => level.redisMicros ?? NaN,
  p50: (level) => level.p50,
  p99: (level) => level.p99,
  p999: (level) => level.p999,
};

const at = (text, figure, inFlight, peer, bound) => ({
  text,
  ...bound,
  // What others do on the machine changes times much more than it changes CPU.
  wallClock: figure === 'perSecond' || figure === 'p99',
  value: (run) => ratio(run, figures[figure], inFlight, peer),
});
const atLeast = (n) => ({ atLeast: n });
const atMost = (n) => ({ atMost: n });

/** More than this of a core kept busy by others spoils what is measured by the clock. */
export const QUIET_CORES = 0.1;

export const GOALS = [
  at(
    'checks/s at 256, by rate-limiter-flexible on ioredis',
    'perSecond',
    256,
    'flexible-ioredis',
    atLeast(4),
  ),
  at('checks/s at 256, by raw ioredis EVALSHA', 'perSecond', 256, 'ioredis', atLeast(3)),
  at('checks/s at 256, by raw node-redis, timeout off', 'perSecond', 256, 'node-redis-untimed', atLeast(2)),
  at(
    'checks/s at 256, by rate-limit-redis on node-redis, timeout off',
    'perSecond',
    256,
    'express-node-redis-untimed',
    atLeast(1.5),
  ),
  at(
    'main-thread CPU at 256, floor subtracted, by rate-limiter-flexible on ioredis',
    'mainLessFloor',
    256,
    'flexible-ioredis',
    atMost(1 / 12),
  ),
  // Of the two node-redis variants the cheaper one, so the harder goal.
  at(
    'main-thread CPU at 256, floor subtracted, by raw node-redis, timeout off',
    'mainLessFloor',
    256,
    'node-redis-untimed',
    atMost(1 / 4),
  ),
  at(
    'main-thread CPU at 1, by rate-limiter-flexible on ioredis',
    'main',
    1,
    'flexible-ioredis',
    atMost(1 / 2),
  ),
  {
    text: 'Redis CPU at 256, by the raw EVALSHA client that costs Redis least',
    ...atMost(1 / 2),
    // The ratio to the cheapest is the largest of the ratios.
    value: (run) => largest(RAW.map((peer) => ratio(run, figures.redis, 256, peer))),
  },
  at('p99 at 256, by rate-limiter-flexible on ioredis', 'p99', 256, 'flexible-ioredis', atMost(1 / 3)),
  at(
    'whole-process CPU at 256, by rate-limiter-flexible on ioredis',
    'whole',
    256,
    'flexible-ioredis',
    atMost(1 / 6),
  ),
  {
    text: 'cold start above an empty node process, ms',
    ...atMost(20),
    wallClock: true,
    unit: 'ms',
    value: (run) => median(run.coldStart.map((round) => round[SUBJECT] - round.empty)),
  },
  {
    text: 'in process: memory per key, by a Map of objects',
    ...atMost(1 / 4),
    value: (run) => median(run.memory.map((round) => round.spillway?.bytesPerKey / round.map?.bytesPerKey)),
  },
  {
    text: 'in process: checks/s at a million keys, by a Map of objects',
    ...atLeast(2),
    wallClock: true,
    value: (run) => median(run.memory.map((round) => round.spillway?.perSecond / round.map?.perSecond)),
  },
];

function largest(values) {
  return values.reduce((most, value) => (value <= most ? most : value), NaN);
}

/**
 * Each goal with its value. `reached` is null where the run did not measure it; `disturbed` where others kept the
 * machine too busy for a figure by the clock to mean much, whichever way it came out.
 */
export function judge(run) {
  return GOALS.map(({ text, atLeast: least, atMost: most, wallClock = false, unit = '×', value }) => {
    const measured = value(run);
    const known = Number.isFinite(measured);
    const reached = known ? (least === undefined ? measured <= most : measured >= least) : null;
    const disturbed = wallClock && run.foreignCores > QUIET_CORES;
    return { text, atLeast: least, atMost: most, unit, value: known ? measured : null, reached, disturbed };
  });
}
