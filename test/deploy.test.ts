/** The files of examples/deploy, started for real: see test/support/compose.ts for what is replaced in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRateLimiter, type RateLimiterOptions } from 'spillway';
import { Compose, DEPLOY } from './support/compose';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { until } from './support/wait';

jest.setTimeout(90_000);
const own = owner();

/** Every algorithm, a listing and each operation: what a user with too few rights would fail at. */
async function expectAllWorks(redis: RateLimiterOptions['redis']): Promise<void> {
  const limiter = await own(
    createRateLimiter({
      redis,
      timeoutMs: 5_000,
      plans: {
        FIXED: '5/h',
        WINDOW: { rate: '5/h', algorithm: 'sliding-window' },
        LOG: { rate: '5/h', algorithm: 'sliding-log' },
        BUCKET: { rate: '5/h', algorithm: 'token-bucket' },
        ALL: ['5/h', { rate: '4/m', algorithm: 'token-bucket' }],
        WINDOWS: ['5/h', '100/m'],
      },
    }),
  );
  for (const plan of ['FIXED', 'WINDOW', 'LOG', 'BUCKET', 'ALL', 'WINDOWS'] as const) {
    const first = await limiter.check(plan, plan);
    const decisions = [first, ...(await times(5, () => limiter.check(plan, plan)))];
    expect(decisions.map(({ source }) => source)).toEqual(Array(6).fill('redis'));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(plan === 'ALL' ? 4 : 5);
    await limiter.refund(decisions[1]!);
    expect(await limiter.peek(plan, plan)).toMatchObject({ remaining: 1, source: 'redis' });
    await limiter.block(plan, 60_000);
    await limiter.reset(plan);
  }
  await limiter.check('listed', 'FIXED');
  const listed = [];
  for await (const { key } of limiter.list()) listed.push(key);
  expect(listed).toContain('listed');
  expect(await limiter.health()).toMatchObject({
    healthy: true,
    connected: true,
    serverVersion: expect.any(String),
  });
}

test('every configuration refuses to evict counters', () => {
  const names = readdirSync(DEPLOY, { recursive: true, encoding: 'utf8' });
  const servers = names.filter((name) => /redis[^/]*\.conf$/.test(name) && !name.startsWith('secrets'));
  expect(servers).toHaveLength(6);
  for (const name of servers) {
    const text = readFileSync(join(DEPLOY, name), 'utf8');
    expect(text).toMatch(/^maxmemory \d+mb$/m);
    expect(text).toMatch(/^maxmemory-policy (noeviction|volatile-ttl)$/m);
  }
});

test('development', async () => {
  const compose = await own(Compose.start('development'));
  await expectAllWorks(`redis://localhost:${compose.port('redis')}`);
  expect(compose.exec('redis', 'redis-cli -p 6379 CONFIG GET maxmemory-policy')).toContain('noeviction');
});

test('secure: TLS and users; each may do its own and no more', async () => {
  const compose = await own(Compose.start('secure'));
  const password = compose.secret('app-password');
  const commands = (text: string) => [...text.matchAll(/\+(\S+)/g)].map(([, name]) => name).sort();
  const rule = /^ACL SETUSER .*$/m.exec(readFileSync(join(ROOT, 'docs/redis.md'), 'utf8'))?.[0] ?? '';
  const user = /^user app .*$/m.exec(compose.secret('users.acl'))?.[0] ?? '';
  // The rule that is documented, ROLE, which is asked behind sentinels, and PING, by which the container is checked.
  expect(commands(user)).toEqual([...commands(rule), 'ping', 'role'].sort());
  const url = `rediss://app@localhost:${compose.port('redis')}`;
  const tls = { ca: compose.secret('ca.crt') };
  await expectAllWorks({ url, password, tls });
  const cli = (user: string, command: string) =>
    compose.exec(
      'redis',
      `REDISCLI_AUTH="${compose.secret(`${user}-password`)}" redis-cli -h localhost -p 6379 --tls --cacert /run/secrets/ca.crt --user ${user} ${command}`,
    );
  for (const command of [
    'FLUSHALL',
    'KEYS \\*',
    'CONFIG GET requirepass',
    'SCRIPT FLUSH',
    'GET others',
    'SAVE',
  ]) {
    expect(cli('app', command)).toMatch(/NOPERM/);
  }
  expect(cli('sentinel', 'GET ratelimit:k')).toMatch(/NOPERM/);
  const stranger = await own(createRateLimiter({ redis: { url, password: 'a guess', tls }, rate: '5/h' }));
  expect((await stranger.check('k')).source).toBe('none');
  expect(stranger.stats().lastError).toMatch(/WRONGPASS/);
});

test('sentinel: three files for three sentinels; the master is killed and comes back as a replica', async () => {
  const compose = await own(Compose.start('sentinel'));
  const sentinels = ['sentinel-1', 'sentinel-2', 'sentinel-3'];
  const ask = (service: string, command: string) =>
    compose.exec(
      service,
      `REDISCLI_AUTH="$(cat /run/secrets/watcher-password)" redis-cli -p 26379 SENTINEL ${command} ratelimit`,
    );
  const role = (service: string) =>
    compose.exec(
      service,
      'REDISCLI_AUTH="$(cat /run/secrets/app-password)" redis-cli -p 6379 --user app ROLE',
    );
  for (const sentinel of sentinels) {
    await until(
      `${sentinel} knows the whole set`,
      () => {
        const found = [ask(sentinel, 'SENTINELS'), ask(sentinel, 'REPLICAS')];
        return found.every((text) => (text.match(/^runid$/gm) ?? []).length === 2);
      },
      { withinMs: 20_000, everyMs: 100 },
    );
  }
  const redis = {
    sentinels: {
      name: 'ratelimit',
      nodes: sentinels.map((name) => ({ host: 'localhost', port: compose.port(name, 26379) })),
      password: compose.secret('watcher-password'),
    },
    username: 'app',
    password: compose.secret('app-password'),
  };
  await expectAllWorks(redis);

  const limiter = await own(createRateLimiter({ redis, rate: '10/h' }));
  await times(10, () => limiter.check('k'));
  await compose.kill('redis-1');
  expect((await limiter.check('k')).source).toBe('none');
  await until(
    'limited again',
    async () => {
      const { source, allowed } = await limiter.check('k');
      return source === 'redis' && !allowed;
    },
    { withinMs: 15_000 },
  );

  await compose.run('redis-1');
  await until('the old master follows', () => role('redis-1').startsWith('slave'), {
    withinMs: 20_000,
    everyMs: 100,
  });
  expect(await limiter.check('k')).toMatchObject({ source: 'redis', allowed: false });
});

test('cluster: six nodes are joined by the file, and joined once', async () => {
  const compose = await own(Compose.start('cluster'));
  const info = () => compose.exec('redis-4', 'redis-cli -p 6379 cluster info');
  await until('every node agrees', () => /cluster_state:ok/.test(info()), { withinMs: 20_000, everyMs: 100 });
  expect(info()).toMatch(/cluster_slots_assigned:16384\r?\ncluster_slots_ok:16384/);
  expect(info()).toMatch(/cluster_size:3/);
  await compose.run('create');
  const nodes = () => compose.exec('redis-1', 'redis-cli -p 6379 cluster nodes');
  await until('each master has a replica', () => nodes().match(/ slave /g)?.length === 3);
  expect(nodes().match(/ master /g)).toHaveLength(2);
  expect(nodes().match(/ myself,master /g)).toHaveLength(1);
});
