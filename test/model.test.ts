/**
 * Random sequences of every operation, under limits that change and at moments that are edges, against a plain model.
 * A failure names its seed: SPILLWAY_SEED=<seed> repeats it, SPILLWAY_SEED=random draws a new one.
 */
import { SetClock } from './support/clock';
import { owner } from './support/owned';
import { playSteps, type Said } from './support/player';
import { RedisServer } from './support/redis';
import { draw, random, type Sequence } from './support/sequences';

const given = process.env['SPILLWAY_SEED'] ?? '261749507';
const SEED = given === 'random' ? Date.now() % 1_000_000_007 : Number(given);
const SEQUENCES = 60;
const STEPS = 60;
/** A multiple of every sub-window, so that both stores cut time at the same moments. */
const START = 1_899_999_996_000;
const APART_MS = 60_000_000;

const own = owner(afterAll);
let clientClock: SetClock;
let serverClock: SetClock;
let server: RedisServer;

beforeAll(async () => {
  clientClock = await own(new SetClock({ monotonic: true }));
  serverClock = await own(new SetClock());
  server = await own(RedisServer.start({ env: serverClock.env }));
  await server.command('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '+@all', '-info');
});

const algorithms = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;

async function play(sequences: Sequence[], redis?: object): Promise<Said[][]> {
  if (redis !== undefined) await server.command('FLUSHALL');
  const clocks = { client: clientClock, server: serverClock };
  const steps = sequences.map((sequence) => sequence.steps);
  return playSteps(steps, clocks, START, redis);
}

/** The first step that differs, with all that led to it. */
function compare(sequences: Sequence[], results: Said[][]): void {
  sequences.forEach(({ steps, expected }, i) => {
    expected.forEach((due, step) => {
      const got = results[i]?.[step] ?? {};
      const differs = Object.entries(due).some(([name, value]) => got[name] !== value);
      if (!differs) return;
      const story = steps
        .slice(0, step + 1)
        .map((one, n) => `${JSON.stringify(one)} ${JSON.stringify(results[i]?.[n])}`);
      throw new Error(
        `seed ${SEED}, sequence ${i}, step ${step}: expected ${JSON.stringify(due)}\n${story.join('\n')}`,
      );
    });
    expect(results[i]).toHaveLength(expected.length);
  });
}

describe.each(algorithms)('%s', (algorithm) => {
  const next = random(SEED + algorithms.indexOf(algorithm));
  const sequences = Array.from({ length: SEQUENCES }, (_, i) => draw(algorithm, next, STEPS, i * APART_MS));

  test(`in process (seed ${SEED})`, async () => {
    compare(sequences, await play(sequences));
  }, 60_000);

  test(`on Redis (seed ${SEED})`, async () => {
    compare(sequences, await play(sequences, { url: server.url }));
    await expectExpiries();
  }, 60_000);

  if (algorithm !== 'fixed-window') return;
  test(`on Redis, by the script (seed ${SEED})`, async () => {
    compare(sequences, await play(sequences, { url: server.url, username: 'limited', password: 'secret' }));
  }, 60_000);
});

async function expectExpiries(): Promise<void> {
  for (const key of (await server.command('KEYS', '*')) as string[]) {
    expect([key, await server.command('PTTL', key)]).not.toEqual([key, -1]);
  }
}
