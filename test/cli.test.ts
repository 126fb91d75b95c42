/** `npx spillway`, as whoever is on call types it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRateLimiter } from 'spillway';
import { runIn } from './support/cli';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();
const SECRET = 'hunter2-is-my-secret';
const folder = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const spillway = runIn(folder);

async function started() {
  const server = await own(RedisServer.start());
  return { server, env: { REDIS_URL: server.url } };
}

test('a limit is tried, and what was counted is found, listed and forgotten', async () => {
  const { server, env } = await started();
  const tried = await spillway(['check', 'org-1', '--plan', 'FREE', '-n', '103'], env);
  expect(tried).toMatchObject({ code: 0, err: '' });
  expect(tried.out).toMatch(/^org-1: 100 admitted, 3 denied\.\n0 of 100 left under FREE; /);
  expect(await server.charged('ratelimit:org-1')).toBe(100);
  const found = JSON.parse((await spillway(['status', 'org-1', '--json'], env)).out);
  expect(found).toEqual([expect.objectContaining({ subject: 'org-1', count: 100, blocked: false })]);
  expect((await spillway(['status', 'org-1'], env)).out).toMatch(/^org-1 +FREE,PRO,ENTERPRISE +100 +/m);
  expect(JSON.parse((await spillway(['list', '--json'], env)).out)).toEqual(found.map(anyTime));
  expect((await spillway(['reset', 'org-1'], env)).out).toBe('Forgotten: org-1 starts afresh.\n');
  expect((await spillway(['reset', 'org-1'], env)).out).toMatch(
    /^Nothing was counted for org-1\. Looked for FREE, PRO, ENTERPRISE under the prefix ratelimit:\.\n/,
  );
  expect(await server.charged('ratelimit:org-1')).toBe(0);
});

const anyTime = (item: object) => ({ ...item, resetTime: expect.any(Number) });

test('who finds nothing, or blocks, hears of which plans and rules', async () => {
  const { env } = await started();
  const rules = [{ id: 'signin', match: '/signin', by: 'ip', rate: '5/m' }] as const;
  const options = { rate: '5/h', rules, prefix: 'app:' } as const;
  const app = await own(createRateLimiter({ redis: env.REDIS_URL, ...options }));
  await app.check('a');
  const file = join(folder, 'app.json');
  writeFileSync(file, JSON.stringify(options));
  for (const args of [['list'], ['top'], ['status', 'a'], ['reset', 'a'], ['block', 'b', '1h']]) {
    const stranger = await spillway(args, env);
    expect(stranger.out).toMatch(
      /(Looked for|Known here are) FREE, PRO, ENTERPRISE under the prefix ratelimit:\.\nThere is no configuration file here, .* --config\.\n$/,
    );
    const known = await spillway([...args, '--config', file], env);
    expect(known).toMatchObject({ code: 0, err: '' });
    if (args[0] === 'block')
      expect(known.out).toMatch(/\nKnown here are rate, signin under the prefix app:\.\n$/);
    else expect(known.out).toMatch(/^a .* 1 of 5 |^Forgotten: a /m);
  }
});

test('an address is blocked and let go, by its kind', async () => {
  const { env } = await started();
  const blocked = await spillway(['block', '::ffff:203.0.113.9', '2h', '--kind', 'ip'], env);
  expect(blocked.out).toMatch(/^Blocked: ::ffff:203\.0\.113\.9 for 2 h, until /);
  const app = await own(
    createRateLimiter({
      redis: env.REDIS_URL,
      plans: { FREE: '5/h' },
      rules: [{ id: 'api', match: '*', by: 'ip', rate: '5/h' }],
    }),
  );
  expect(await app.check('ip:203.0.113.9', 'FREE')).toMatchObject({ allowed: false, reason: 'blocked' });
  expect((await spillway(['status', '203.0.113.9', '--kind', 'ip'], env)).out).toMatch(
    /^ip:203\.0\.113\.9 .* blocked +2 h$/m,
  );
  expect((await spillway(['reset', '203.0.113.9', '--kind', 'ip'], env)).code).toBe(0);
  expect(await app.check('ip:203.0.113.9', 'FREE')).toMatchObject({ allowed: true });
});

test('a listing is filtered, bounded, and shows no control characters of strangers', async () => {
  const { env } = await started();
  const app = await own(createRateLimiter({ redis: env.REDIS_URL, plans: { FREE: '5/h' } }));
  for (const key of ['org-1', 'org-2', 'user:7', 'evil\u001b[2J\r\nhealthy']) await app.check(key, 'FREE');
  const { out } = await spillway(['list'], env);
  expect(out).toContain('evil\\u001b[2J\\u000d\\u000ahealthy');
  expect(out).not.toContain('\u001b');
  const keysOf = async (...args: string[]) => {
    const listed = JSON.parse((await spillway(['list', '--json', ...args], env)).out) as {
      subject: string;
    }[];
    return listed.map(({ subject }) => subject).sort();
  };
  expect(await keysOf('--match', 'org-*')).toEqual(['org-1', 'org-2']);
  expect(await keysOf('--kind', 'user')).toEqual(['user:7']);
  expect(await keysOf('--limit', '2')).toHaveLength(2);
});

describe('health', () => {
  test('of a store that counts', async () => {
    const { env } = await started();
    const { code, out } = await spillway(['health', '--verbose'], env);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^healthy {2}redis 7\.[\d.]+ counts, in [\d.]+ ms\n {2}memory .*\n {2}breaker +closed\n/,
    );
    expect(JSON.parse((await spillway(['health', '--json'], env)).out)).toMatchObject({
      ...{ type: 'redis', backend_class: 'redisStore', healthy: true, error: null },
    });
  });

  test('of one that is away, or refuses: exit code 1, why, and no secret', async () => {
    const away = await spillway(['health'], { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(away).toEqual({
      ...{ code: 1, err: '' },
      out: 'unhealthy  redis does not count: 127.0.0.1:1: connection refused\n',
    });
    const server = await own(RedisServer.start({ password: 'other' }));
    const { code, out, err } = await spillway(['health', '--json'], {
      ...{ REDIS_URL: server.url, REDIS_PASSWORD: SECRET },
    });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ healthy: false, error: expect.stringContaining('WRONGPASS') });
    expect(out + err).not.toContain(SECRET);
  });

  test('of several stores', async () => {
    const { server } = await started();
    const file = join(folder, 'several.mjs');
    const entry = JSON.stringify(join(ROOT, 'dist/index.mjs'));
    writeFileSync(
      file,
      `import { failoverStore, memoryStore, redisStore } from ${entry};
       const store = failoverStore([redisStore('${server.url}'), memoryStore()]);
       export default { store, rate: '5/m' };`,
    );
    const { out, code } = await spillway(['health', '--json', '-c', file]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      healthy: true,
      stats: { store: 'redis' },
      backends: [
        { type: 'redis', healthy: true, inUse: true },
        { type: 'memory', healthy: true, inUse: false },
      ],
    });
    expect((await spillway(['health', '-c', file])).out).toMatch(/\n {2}healthy {2}redis, in use\n/);
  });
});

test('a configuration file is found, read and told apart from the environment', async () => {
  const { server, env } = await started();
  const place = mkdtempSync(join(folder, 'place-'));
  const file = join(place, 'spillway.config.json');
  const rules = [{ id: 'api', match: '/api/*', by: 'ip', rate: '3/m' }];
  writeFileSync(file, JSON.stringify({ prefix: 'shop:', plans: { TRIAL: '2/h' }, rules }));
  expect((await spillway(['config', 'check'], {}, place)).out).toBe('Good: 1 plan, 1 rule.\n');
  const { out } = await spillway(['check', 'a', '--plan', 'TRIAL', '-n', '3'], env, place);
  expect(out).toMatch(/^a: 2 admitted, 1 denied\./);
  expect(await server.charged('shop:a')).toBe(2);
  expect(await server.charged('ratelimit:a')).toBe(0);
});

test.each([
  ['no store anywhere', ['list'], 2, /^spillway: No store is named, .* Set REDIS_URL, /],
  ['a file that is not there', ['config', 'check', 'gone.json'], 1, /^spillway: gone\.json: .*\(ENOENT\)/],
  ['a module that is not there', ['config', 'check', 'gone.mjs'], 1, /^spillway: gone\.mjs: .*\(ENOENT\)/],
  ['a command that there is not', ['lits'], 2, /unknown command 'lits'\n\(Did you mean list\?\)/],
  [
    'a time that is none',
    ['block', 'a', '1x', '--redis', 'redis://127.0.0.1:1'],
    2,
    /90s, 15m, 1h or 2d, not "1x"/,
  ],
  [
    'a kind that there is not',
    ['list', '--kind', 'moon', '--redis', 'redis://127.0.0.1:1'],
    2,
    /--kind must be/,
  ],
  ['no plan', ['check', 'a', '--redis', 'redis://127.0.0.1:1'], 2, /Name a plan with --plan: FREE, PRO/],
  ['a count that is none', ['check', 'a', '-n', '-1'], 2, /It must be a whole number from 1/],
])('%s is said in a sentence, without a stack', async (_what, args, code, message) => {
  const ran = await spillway(args);
  expect(ran).toMatchObject({ code, out: '' });
  expect(ran.err).toMatch(message);
  expect(ran.err).not.toMatch(/\n {4}at /);
});

test('what is wrong in a file is said with its place', async () => {
  const file = join(folder, 'wrong.json');
  writeFileSync(file, '{"plans":{"FREE":"10/hour"}}');
  expect(await spillway(['config', 'check', file])).toMatchObject({
    ...{ code: 1, out: '' },
    err: expect.stringMatching(/^spillway: .*wrong\.json: plans\.FREE: "10\/hour" is not a rate\./),
  });
  const module = join(folder, 'broken.mjs');
  writeFileSync(module, 'export const plans = {};');
  expect((await spillway(['config', 'check', module])).err).toMatch(/exports nothing as default/);
});

test.each(['--version', '-V'])('%s is that of the package', async (flag) => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(await spillway([flag])).toMatchObject({ code: 0, out: `${version}\n`, err: '' });
});

test('checks that are not counted end with code 2', async () => {
  const ran = await spillway(['check', 'a', '--plan', 'FREE', '--redis', 'redis://127.0.0.1:1']);
  expect(ran.code).toBe(2);
  expect(ran.out).toMatch(
    /^1 of 1 were not counted: the store did not answer\.\na: 0 admitted, 1 denied\.\n/,
  );
});
