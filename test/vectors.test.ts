/**
 * The same sequences on every store and wire form, through the public API, with a clock that the test sets: the
 * client's process and the server both live in the vectors' time, so every number is exact.
 */
import { SetClock } from './support/clock';
import { owner } from './support/owned';
import { playSteps, type Said, type Step } from './support/player';
import { RedisServer } from './support/redis';
import fixedWindow from './vectors/fixed-window.json';
import fixedWindowOperations from './vectors/fixed-window-operations.json';
import slidingLog from './vectors/sliding-log.json';
import slidingWindow from './vectors/sliding-window.json';
import tokenBucket from './vectors/token-bucket.json';

interface Vector {
  name: string;
  /** `moves back`: not for a store that reads a monotonic clock. */
  clock?: string;
  steps: (Step & { expect: Said })[];
}

const files = [
  ['fixed-window', fixedWindow],
  ['fixed-window-operations', fixedWindowOperations],
  ['sliding-window', slidingWindow],
  ['sliding-log', slidingLog],
  ['token-bucket', tokenBucket],
] as [string, Vector[]][];

/** A multiple of every sub-window, so that all stores cut time at the same moments. */
const START = 1_899_999_996_000;

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

async function play(chosen: Vector[], redis?: object): Promise<Said[][]> {
  if (redis !== undefined) await server.command('FLUSHALL');
  const clocks = { client: clientClock, server: serverClock };
  return playSteps(
    chosen.map(({ steps }) => steps),
    clocks,
    START,
    redis,
  );
}

function expected(vector: Vector, source: string): Said[] {
  return vector.steps.map(({ expect }) => ('allowed' in expect ? { ...expect, source } : expect));
}

function compare(results: Said[][], chosen: Vector[], source: string): void {
  const named = (list: (Said[] | undefined)[]) => chosen.map(({ name }, i) => ({ name, steps: list[i] }));
  expect(named(results)).toEqual(named(chosen.map((vector) => expected(vector, source))));
}

describe.each(files)('%s', (file, all) => {
  test('in process', async () => {
    const chosen = all.filter(({ clock }) => clock === undefined);
    compare(await play(chosen), chosen, 'memory');
  });

  test('on Redis', async () => {
    await server.command('CONFIG', 'RESETSTAT');
    compare(await play(all, { url: server.url }), all, 'redis');
    const { incrby = 0, evalsha = 0 } = await server.calls();
    // A fixed window by plain commands where it can be.
    expect(file === 'fixed-window' ? incrby : evalsha).toBeGreaterThan(20);
  });

  test('on Redis, by scripts alone, where the server version cannot be read', async () => {
    const login = { url: server.url, username: 'limited', password: 'secret' };
    await server.command('CONFIG', 'RESETSTAT');
    compare(await play(all, login), all, 'redis');
    expect((await server.calls()).evalsha).toBeGreaterThan(20);
  });
});
