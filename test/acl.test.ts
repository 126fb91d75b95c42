/** The ACL rule in docs/redis.md: it suffices for everything that a limiter can do, and each of its commands is needed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeRedisConnection, configureRateLimit, createRateLimiter, isRedisHealthy } from 'spillway';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';
import { until } from './support/wait';

const own = owner();
const page = readFileSync(join(ROOT, 'docs/redis.md'), 'utf8');
const [, user = '', rule = ''] = /^ACL SETUSER (\S+) (.+)$/m.exec(page) ?? [];
const words = rule.split(' ');
const commands = words.filter((word) => word.startsWith('+'));

/** Everything that there is, in every algorithm. What the server refuses is answered by the policy, or rejected. */
async function everything(server: RedisServer): Promise<void> {
  const redis = { url: server.url, username: user, password: 'secret', db: 1 };
  const tried = (work: Promise<unknown>) => work.catch(() => undefined);
  const algorithms = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;
  await Promise.all(
    algorithms.map(async (algorithm) => {
      const limiter = createRateLimiter({ redis, rate: '3/h', algorithm });
      await times(5, () => limiter.check(`${algorithm} a`));
      await limiter.peek(`${algorithm} a`);
      const b = `${algorithm} b`;
      await tried(limiter.refund(await limiter.check(b, { cost: 2 })));
      await limiter.penalize(b, 5);
      await limiter.penalize(b, 20_000);
      await tried(limiter.block(b, 5_000));
      await limiter.check(b);
      await tried(limiter.reset(b));
      await limiter.health();
      await limiter.close();
    }),
  );
  const layered = createRateLimiter({
    redis,
    plans: { P: ['3/m', { rate: '5/h', algorithm: 'sliding-log' }], W: ['3/m', '5/h'] },
  });
  await tried(layered.refund(await layered.check('layered', 'P')));
  await layered.check('windows', 'W');
  // Somebody else's, without an expiry: what a plain command gives it is taken off again.
  const other = await server.connect();
  await other.send('SELECT', 1);
  await other.send('SET', 'ratelimit:text', 'x');
  await other.close();
  const plain = createRateLimiter({ redis, plans: { P: '3/h' } });
  await plain.check('text', 'P');
  await plain.close();
  await tried(layered.list().next());
  await layered.close();
}

/** A readiness probe that asks nothing else, until it has to ask by itself. */
async function probe(server: RedisServer): Promise<void> {
  configureRateLimit({ redis: { url: server.url, username: user, password: 'secret' } });
  await until('connected', isRedisHealthy);
  await server.command('CONFIG', 'RESETSTAT');
  await until('a charge', async () => {
    isRedisHealthy();
    return (await server.calls())['incr'] !== undefined;
  });
  expect(isRedisHealthy()).toBe(true);
  await closeRedisConnection();
}

async function denials(server: RedisServer): Promise<string[]> {
  const entries = (await server.command('ACL', 'LOG')) as string[][];
  return entries.map(
    (entry) => `${entry[entry.indexOf('reason') + 1]} ${entry[entry.indexOf('object') + 1]}`,
  );
}

test('it suffices', async () => {
  const server = await own(RedisServer.start());
  await server.command('ACL', 'SETUSER', user, ...words);
  await everything(server);
  await probe(server);
  expect(await denials(server)).toEqual([]);
  expect(await server.info('db1')).toMatch(/^keys=\d/);
});

test.each(commands)('%s is needed', async (command) => {
  const server = await own(RedisServer.start());
  await server.command('ACL', 'SETUSER', user, ...words.filter((word) => word !== command));
  await everything(server);
  expect((await denials(server)).join('\n')).toContain(command.slice(1));
});
