/**
 * Several processes check several layered rules at once; afterwards every counter on the server holds exactly what was
 * admitted under it. A denial by any rule moved no other.
 */
import { admitted, booksOf, LEDGERS, MIXED, playLedger, SEEDS, standing } from './support/layers-ledger';
import { owner } from './support/owned';
import { Script } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();

test.each(LEDGERS)(
  `a denial moved no counter of any rule: %s (seeds ${SEEDS.join(', ')})`,
  async (_, limiter, ofAddress, ofPerson, hourly) => {
    const server = await own(RedisServer.start());
    const ask = (name: string, key: string) => server.command(name, key);
    const seen = await playLedger(server.url, limiter, hourly, () => server.command('CONFIG', 'RESETSTAT'));
    const books = booksOf(seen, ofAddress, ofPerson);
    for (const [key, due] of books) expect([key, await standing(ask, key)]).toEqual([key, due]);
    for (const org of ['org0', 'org1']) {
      const due = admitted(seen, (one) => one.organization === org);
      const left = await standing(ask, `{ratelimit:${org}}:@${hourly}`);
      expect(left).toBeLessThanOrEqual(due);
      expect(left).toBeGreaterThanOrEqual(limiter === MIXED ? due - 2 : due);
    }
    // One script for all rules of the checks that asked together, and no other command that writes.
    const { evalsha = 0, incrby = 0, incr = 0 } = await server.calls();
    expect(evalsha).toBeLessThanOrEqual(seen.length);
    expect(incr + incrby).toBeLessThanOrEqual(evalsha * (limiter.rules.length + 2));
  },
);

test('one check of many rules is one command on the wire', async () => {
  const server = await own(RedisServer.start());
  const script = `
    const { createRateLimiter } = require('spillway');
    const limiter = createRateLimiter({ redis: given.redis, ...given.limiter });
    const request = { method: 'GET', path: '/api/x', ip: '192.0.2.1', user: 'u', organization: 'org', plan: 'TEAM' };
    process.stdin.once('data', async () => {
      process.stdin.unref();
      const decision = await limiter.checkRequest(request);
      await limiter.close();
      report(decision.rules.length);
    });
    limiter.checkRequest(request).then(() => report('ready'));`;
  const child = new Script(script, { given: { redis: server.url, limiter: MIXED } });
  await child.report(0);
  await server.command('CONFIG', 'RESETSTAT');
  child.tell('go');
  expect(await child.report(1)).toBe(7);
  await child.ended;
  const { evalsha, eval: sources, script: loads } = await server.calls();
  expect([evalsha, sources, loads]).toEqual([1, undefined, undefined]);
});
