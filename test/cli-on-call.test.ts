/** `npx spillway` for whoever is on call: what is limited most, other limits for a while, tables, and whether a store is good. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRateLimiter, sharedRules } from 'spillway';
import { onTerminal, runIn } from './support/cli';
import { owner } from './support/owned';
import { PostgresServer } from './support/postgres';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const folder = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const spillway = runIn(folder);

async function started() {
  const server = await own(RedisServer.start());
  return { server, env: { REDIS_URL: server.url } };
}

interface Shared {
  overrides: Record<string, { override: object }>;
}

/** A folder with a configuration file. */
function placeWith(name: string, text: string): string {
  const place = mkdtempSync(join(folder, 'place-'));
  writeFileSync(join(place, name), text);
  return place;
}

describe('override', () => {
  test('holds in an application that follows, for a while, and says who did it', async () => {
    const { env } = await started();
    const shared = await own(sharedRules({ redis: env.REDIS_URL, logger: false }));
    const app = await own(
      createRateLimiter({ redis: env.REDIS_URL, plans: { FREE: '3/h', PRO: '10/h' }, sharedRules: shared }),
    );
    const limitOf = async (plan: 'FREE' | 'PRO') => (await app.peek('org-1', plan)).limit;
    expect(await limitOf('FREE')).toBe(3);
    const set = await spillway(['override', 'org-1', '2x', '--for', '2h', '--by', 'jane'], env);
    expect(set).toMatchObject({ code: 0, err: '' });
    expect(set.out).toBe(
      'Set: org-1 has 2x for 2 h. spillway override org-1 --remove ends it.\n' +
        'It holds in processes whose limiter has the option sharedRules.\n',
    );
    await until('it is seen', async () => (await limitOf('FREE')) === 6 && (await limitOf('PRO')) === 20);
    const { overrides } = await shared.read();
    expect(overrides).toEqual({
      'org-1': {
        override: { multiply: 2 },
        expiresAt: expect.any(Number),
        setAt: expect.any(Number),
        ...{ by: 'jane', from: hostname() },
      },
    });
    const { expiresAt = 0, setAt } = overrides['org-1']!;
    expect(Math.abs(expiresAt - setAt - 7_200_000)).toBeLessThan(2_000);
    expect((await spillway(['overrides'], env)).out).toMatch(/\norg-1 +2x +2 h +jane\n$/);
    expect((await spillway(['override', 'org-1', '--remove'], env)).out).toBe(
      'Removed: org-1 has its own limits again.\n',
    );
    await until('it has ended', async () => (await limitOf('FREE')) === 3);
    expect((await spillway(['override', 'org-1', '--remove'], env)).out).toBe('org-1 had no override.\n');
    expect((await spillway(['overrides'], env)).out).toBe('No override is set.\n');
  });

  test('by kind, as a rate, as several, and of one rule', async () => {
    const { env } = await started();
    const rules = [{ id: 'api', match: '/api/*', by: ['user', 'ip'], rate: '60/m' }];
    const place = placeWith('spillway.config.json', JSON.stringify({ plans: { FREE: '3/h' }, rules }));
    for (const args of [
      ['7', '600/m', '--kind', 'user', '--rule', 'api'],
      ['org-1', '500/h,50/m'],
      ['org-2', 'unlimited'],
    ]) {
      expect(await spillway(['override', ...args], env, place)).toMatchObject({ code: 0, err: '' });
    }
    const found = JSON.parse((await spillway(['overrides', '--json'], env, place)).out) as Shared;
    expect(Object.entries(found.overrides).map(([name, { override }]) => [name, override])).toEqual([
      ['user:7', { rules: { api: '600/m' } }],
      ['org-1', ['500/h', '50/m']],
      ['org-2', 'unlimited'],
    ]);
  });

  test.each([
    ['no limit', ['a'], 2, /Say a limit, such as 2x, 500\/h or unlimited; or --remove/],
    ['both', ['a', '2x', '--remove'], 2, /Say a limit/],
    ['a rate that is none', ['a', '5/moon'], 1, /"5\/moon" is not a rate/],
    ['a time that is none', ['a', '2x', '--for', 'ever'], 2, /90s, 15m, 1h or 2d, not "ever"/],
    ['a multiple of one rule', ['a', '2x', '--rule', 'api'], 2, /With --rule say a rate/],
    ['a multiple that is none', ['a', '0x'], 1, /multiply must be a number above 0/],
  ])('%s is refused, and nothing is set', async (_what, args, code, message) => {
    const { env } = await started();
    const ran = await spillway(['override', ...args], env);
    expect(ran).toMatchObject({ code, out: '' });
    expect(ran.err).toMatch(message);
    expect((await spillway(['overrides'], env)).out).toBe('No override is set.\n');
  });

  test('a store that is away is said', async () => {
    const ran = await spillway(['override', 'a', '2x'], { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toMatch(/^spillway: .*connection refused/);
  });
});

test('top has the most limited in front, blocked ones first', async () => {
  const { env } = await started();
  const place = placeWith('spillway.config.json', JSON.stringify({ rate: '4/h', analytics: true }));
  const app = await own(createRateLimiter({ redis: env.REDIS_URL, rate: '4/h' }));
  for (const [key, many] of [
    ['half', 2],
    ['full', 6],
    ['little', 1],
  ] as const) {
    for (let i = 0; i < many; i++) await app.check(key);
  }
  await app.block('out', 60_000);
  const { out, err } = await spillway(['top', '--limit', '3'], env, place);
  expect(err).toBe('');
  expect(out).toMatch(/^0 requests a minute, 0\.0 % of the last hour denied\n/);
  expect(out).toMatch(/\n4 counted, 1 at their limit, 1 blocked \(in \d+ ms\)\n/);
  expect(out).toMatch(/\nout .* blocked .*\nfull .* 4 of 4 .*\nhalf .* 2 of 4 .*\n$/);
  const { items, ...counts } = JSON.parse(
    (await spillway(['top', '--json', '--limit', '1'], env, place)).out,
  );
  expect(items.map(({ key }: { key: string }) => key)).toEqual(['out']);
  expect(counts).toMatchObject({ counted: 4, atLimit: 1, blocked: 1, ofSeveralPlans: 0 });
});

test('on a terminal top says what it has found so far, and then looks again and again', async () => {
  const { env } = await started();
  const app = await own(createRateLimiter({ redis: env.REDIS_URL, rate: '4/h' }));
  await Promise.all(Array.from({ length: 12_000 }, (_, i) => app.check(`subject-${i}`)));
  const place = placeWith('spillway.config.json', JSON.stringify({ rate: '4/h' }));
  const screen = await own(onTerminal(['top', '--limit', '3', '--every', '100ms'], env, place));
  const pictures = () => screen.out.split('\u001b[H\u001b[2J').slice(1);
  const whole = () => pictures().filter((one) => one.startsWith('12,000 counted, 0 at their limit'));
  await until('it has looked twice', () => whole().length > 1);
  expect(pictures()[0]).toMatch(
    /^[\d,]+ counted so far, 0 at their limit, 0 blocked \(in \d+ ms\)\r\nSUBJECT .*\r\nsubject-/,
  );
  // Once there is a whole picture it stays until there is the next.
  const last = pictures().findLastIndex((one) => one.includes(' so far, '));
  expect(last).toBeLessThan(pictures().indexOf(whole()[0]!));
});

test('health warns of a Redis that may drop what still counts, or has', async () => {
  const { server, env } = await started();
  expect((await spillway(['health', '-v'], env)).out).toMatch(
    /\n {2}memory +[\d.]+ MB, no limit, noeviction\n/,
  );
  await server.command('CONFIG', 'SET', 'maxmemory', '4mb', 'maxmemory-policy', 'allkeys-random');
  const text = 'x'.repeat(10_000);
  for (let i = 0; i < 1_000; i++) await server.command('SET', `other-${i}`, text);
  const { out, code } = await spillway(['health'], env);
  expect(code).toBe(0);
  expect(out).toMatch(
    /\n {2}warning {2}maxmemory-policy is allkeys-random, so keys that still count may be dropped/,
  );
  expect(out).toMatch(/\n {2}warning {2}[\d,]+ keys were dropped for want of memory\.\n/);
  const { memory } = JSON.parse((await spillway(['health', '--json'], env)).out);
  expect(memory).toMatchObject({ policy: 'allkeys-random', limitBytes: 4_194_304, mayDropCounts: true });
  // Who may not ask is not told, and not bothered.
  await server.command('ACL', 'SETUSER', 'default', '-info');
  const silent = await spillway(['health', '--json'], env);
  expect(silent.code).toBe(0);
  expect(JSON.parse(silent.out)).toMatchObject({ healthy: true, memory: null });
});

test('migrate makes the tables of PostgreSQL, selftest plays the promises there, bench loads it', async () => {
  const server = await own(PostgresServer.start());
  const entry = (file: string) => JSON.stringify(join(ROOT, 'dist', file));
  const place = placeWith(
    'spillway.config.mjs',
    `import pg from ${JSON.stringify(join(ROOT, 'node_modules/pg/lib/index.js'))};
     import { postgresStore } from ${entry('postgres/index.mjs')};
     const pool = new pg.Pool(${JSON.stringify(server.login)});
     export default { store: postgresStore(pool), rate: '5/m' };`,
  );
  const before = await spillway(['health'], {}, place);
  expect(before).toMatchObject({ code: 1, err: '' });
  expect(before.out).toMatch(/^unhealthy {2}postgres does not count: .*migrate/);
  expect(await spillway(['migrate'], {}, place)).toEqual({
    code: 0,
    out: 'postgres: is up to date.\n',
    err: '',
  });
  expect((await spillway(['migrate', '--json'], {}, place)).out).toBe(
    '{\n  "migrated": [\n    "postgres"\n  ]\n}\n',
  );
  const played = await spillway(['selftest', '--json'], {}, place);
  const results = JSON.parse(played.out) as { promise: string; kept: boolean }[];
  expect(results.filter(({ kept }) => !kept)).toEqual([]);
  expect(results.length).toBeGreaterThan(100);
  expect(played.code).toBe(0);
  const loaded = JSON.parse(
    (await spillway(['bench', '--json', '--for', '500ms', '--in-flight', '8'], {}, place)).out,
  );
  expect(loaded).toMatchObject({ lost: 0, counted: expect.any(Number), p99Us: expect.any(Number) });
  expect(loaded.counted).toBeGreaterThan(0);
}, 180_000);

test('selftest finds a store that does not keep them, and refuses one that is away', async () => {
  const place = placeWith(
    'spillway.config.mjs',
    `import { customStore } from ${JSON.stringify(join(ROOT, 'dist/index.mjs'))};
     const apply = ({ items }) => items.map(() => ({ allowed: true, remaining: 0, resetInMs: 1000, retryAfterMs: 0, used: 1, blocked: false }));
     export default { store: customStore({ name: 'yes', apply, reset: async () => 0 }), rate: '5/m' };`,
  );
  const { code, out } = await spillway(['selftest'], {}, place);
  expect(code).toBe(1);
  expect(out).toMatch(/\nbroken {2}fixed-window/);
  expect(out).toMatch(/\n\d+ kept, \d\d+ broken\./);
  const away = await spillway(['selftest'], { REDIS_URL: 'redis://127.0.0.1:1' });
  expect(away).toMatchObject({ code: 1, out: '' });
  expect(away.err).toMatch(/The store does not count, so nothing was tried: .*connection refused/);
}, 180_000);

test('a store that needs no tables says so, and a database that refuses is quoted', async () => {
  const { env } = await started();
  expect((await spillway(['migrate'], env)).out).toBe('This store needs no migration.\n');
  const place = placeWith(
    'spillway.config.mjs',
    `import { customStore } from ${JSON.stringify(join(ROOT, 'dist/index.mjs'))};
     const refused = { name: 'mine', apply: () => [], reset: async () => 0, migrate: async () => { throw new Error('permission denied for schema public'); } };
     export default { store: customStore(refused), rate: '5/m' };`,
  );
  expect(await spillway(['migrate'], {}, place)).toEqual({
    ...{ code: 1, out: '' },
    err: 'spillway: mine: permission denied for schema public\n',
  });
});
