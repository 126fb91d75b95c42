/**
 * Several processes check several layered rules at once; afterwards every counter on the server holds exactly what was
 * admitted under it. A denial by any rule moved no other.
 */
import type { Algorithm } from 'spillway';
import { owner } from './support/owned';
import { Script } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();

interface Seen {
  ip: string;
  user: string;
  organization: string;
  cost: number;
  allowed: boolean;
  source: string;
  /** Of those rules that deny. */
  by: string[];
}

const rulesOf = (address: Algorithm, person: Algorithm) => [
  { id: 'address', by: 'ip', rate: '120/h', algorithm: address },
  { id: 'person', by: 'user', rate: '90/h', algorithm: person },
  { id: 'path', by: 'endpoint', match: '/api/*', rate: '350/h' },
  { id: 'all', by: 'global', rate: '700/h' },
];
/** Of every algorithm and a rule that is tried out, and of windows that all deny: each takes a script of its own. */
const MIXED = {
  plans: { TEAM: ['400/d', { rate: '300/h', algorithm: 'token-bucket', burst: 300 }] },
  rules: [
    ...rulesOf('sliding-log', 'sliding-window'),
    { id: 'tried', by: 'global', rate: '100/h', shadow: true },
  ],
};
const WINDOWS = { plans: { TEAM: ['400/d', '300/h'] }, rules: rulesOf('fixed-window', 'fixed-window') };

const CLIENT = `
const { createRateLimiter } = require('spillway');
const limiter = createRateLimiter({ redis: given.redis, timeoutMs: 10000, ...given.limiter });
let state = given.seed;
const next = (n) => (state = (state * 48271) % 2147483647) % n;
const seen = [];
async function lane() {
  for (let i = 0; i < given.checks; i++) {
    const who = { ip: '192.0.2.' + next(5), user: 'u' + next(8), organization: 'org' + next(2) };
    const cost = 1 + next(3);
    const decision = await limiter.checkRequest({ method: 'GET', path: '/api/' + next(3), plan: 'TEAM', cost, ...who });
    const by = decision.rules.filter(({ allowed, shadow }) => !allowed && !shadow).map(({ rule }) => rule);
    seen.push({ ...who, cost, allowed: decision.allowed, source: decision.source, by });
  }
}
process.stdin.once('data', async () => {
  process.stdin.unref();
  await Promise.all(Array.from({ length: given.lanes }, lane));
  await limiter.close();
  report(seen);
});
limiter.peek('warm', 'TEAM').then(() => report('ready'));
`;

/** Units that stand in the state of a key, whatever its algorithm. */
async function standing(server: RedisServer, key: string): Promise<number> {
  if ((await server.command('TYPE', key)) === 'zset') return Number(await server.command('ZCARD', key));
  const value = String((await server.command('GET', key)) ?? '0');
  if (value.startsWith('w')) {
    const counts = value.split(' ').slice(2);
    return counts.reduce((sum, count) => sum + Number(count), 0);
  }
  if (value.startsWith('b')) {
    const [missing = 0, , windowMs = 1] = value.slice(1).split(' ').map(Number);
    // What has flowed back between the charges is on top of it; at 300 an hour that is a unit in 12 s.
    return Math.ceil(missing / windowMs);
  }
  return Number(value);
}

test.each([
  ['of every algorithm', MIXED, '@sliding-log', '@sliding-window', 'token-bucket-1h'],
  ['of fixed windows', WINDOWS, '', '', '1h'],
])('a denial moved no counter of any rule: %s', async (_, limiter, ofAddress, ofPerson, hourly) => {
  const server = await own(RedisServer.start());
  const scripts = [11, 22, 33].map((seed) => {
    const given = { redis: server.url, seed, checks: 40, lanes: 12, limiter };
    return new Script(CLIENT, { given });
  });
  await Promise.all(scripts.map((script) => script.report(0)));
  await server.command('CONFIG', 'RESETSTAT');
  for (const script of scripts) script.tell('go');
  const ended = await Promise.all(scripts.map((script) => script.ended));
  const seen = ended.flatMap(({ code, stderr, reports }) => {
    expect([code, stderr]).toEqual([0, '']);
    return reports[1] as Seen[];
  });
  expect(seen).toHaveLength(3 * 40 * 12);
  expect(new Set(seen.map(({ source }) => source))).toEqual(new Set(['redis']));
  // Rules of each kind denied somebody, some of them together.
  const denied = new Set(seen.flatMap(({ by }) => by));
  for (const id of ['address', 'person', `TEAM:${hourly}`]) expect([...denied]).toContain(id);
  expect(seen.filter(({ by }) => by.length > 1).length).toBeGreaterThan(0);
  expect(seen.filter(({ allowed }) => !allowed).length).toBeGreaterThan(300);

  const admitted = (mine: (one: Seen) => boolean) =>
    seen.filter((one) => one.allowed && mine(one)).reduce((sum, { cost }) => sum + cost, 0);
  const books: [key: string, due: number][] = [['{ratelimit:global:all}:all', admitted(() => true)]];
  for (let i = 0; i < 5; i++) {
    const ip = `192.0.2.${i}`;
    books.push([`{ratelimit:ip:${ip}}:address${ofAddress}`, admitted((one) => one.ip === ip)]);
  }
  for (let i = 0; i < 8; i++) {
    books.push([`{ratelimit:user:u${i}}:person${ofPerson}`, admitted((one) => one.user === `u${i}`)]);
  }
  for (const org of ['org0', 'org1']) {
    const due = admitted((one) => one.organization === org);
    books.push([`ratelimit:${org}`, due]);
  }
  for (const [key, due] of books) expect([key, await standing(server, key)]).toEqual([key, due]);
  for (const org of ['org0', 'org1']) {
    const due = admitted((one) => one.organization === org);
    const left = await standing(server, `{ratelimit:${org}}:@${hourly}`);
    expect(left).toBeLessThanOrEqual(due);
    expect(left).toBeGreaterThanOrEqual(limiter === MIXED ? due - 2 : due);
  }
  // One script for all rules of the checks that asked together, and no other command that writes.
  const { evalsha = 0, incrby = 0 } = await server.calls();
  expect(evalsha).toBeLessThanOrEqual(seen.length);
  expect(incrby).toBeLessThanOrEqual(evalsha * (limiter.rules.length + 2));
});

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
