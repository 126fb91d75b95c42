/** What errors and the log say is true, and what they advise works. */
import * as spillway from 'spillway';
import { FakeRedis } from './support/fake-redis';
import { freePort } from './support/ports';
import { owner } from './support/owned';

const { createRateLimiter } = spillway;
const own = owner();
afterEach(() => spillway.closeRedisConnection());

async function messageOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was not refused');
}

async function listed(limiter: spillway.LimiterBase): Promise<unknown> {
  const keys: unknown[] = [];
  for await (const entry of limiter.list()) keys.push(entry);
  return keys;
}

test('a plan that the drop-in functions do not have is one for a limiter, as they say', async () => {
  spillway.configureRateLimit({ prefix: 'advice:' });
  const message = await messageOf(() => spillway.checkRateLimit('a', 'STARTER' as 'FREE'));
  expect(message).toMatch(/Use one of "FREE", "PRO", "ENTERPRISE", or .*createRateLimiter\(\{ plans \}\)\.$/);
  const limiter = await own(createRateLimiter({ prefix: 'advice:', plans: { STARTER: '5/m' } }));
  expect((await limiter.check('a', 'STARTER')).remaining).toBe(4);
});

test('where there never was a connection none was lost', async () => {
  const redis = `redis://127.0.0.1:${await freePort()}`;
  const limiter = await own(createRateLimiter({ redis, rate: '5/m', timeoutMs: 50, logger: false }));
  for (const act of [() => listed(limiter), () => limiter.reset('k')]) {
    const message = await messageOf(act);
    expect(message).toContain('connection refused');
    expect(message).not.toContain('lost');
  }
});

test('what a server says ends with one full stop', async () => {
  const fake = await own(FakeRedis.start());
  fake.hook = ([name]) =>
    /^(HELLO|AUTH|INFO|ROLE|CLIENT|SELECT)$/i.test(name!) ? undefined : '-ERR the command is disabled.\r\n';
  const said: string[] = [];
  const logger = { warn: (line: string) => said.push(line), error: (line: string) => said.push(line) };
  const limiter = await own(createRateLimiter({ redis: fake.url, rate: '5/m', timeoutMs: 100, logger }));
  await limiter.check('k');
  said.push(await messageOf(() => limiter.reset('k')), await messageOf(() => listed(limiter)));
  expect(said.join('\n')).toContain('the command is disabled. ');
  for (const line of said) expect(line).not.toContain('..');
});
