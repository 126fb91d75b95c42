/** Processes that check several layered rules at once, and what the counters must hold afterwards. */
import type { Algorithm } from 'spillway';
import { Script } from './process';
import type { Reply } from './resp';

export interface Seen {
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
export const MIXED = {
  plans: { TEAM: ['400/d', { rate: '300/h', algorithm: 'token-bucket', burst: 300 }] },
  rules: [
    ...rulesOf('sliding-log', 'sliding-window'),
    { id: 'tried', by: 'global', rate: '100/h', shadow: true },
  ],
};
export const WINDOWS = {
  plans: { TEAM: ['400/d', '300/h'] },
  rules: rulesOf('fixed-window', 'fixed-window'),
};

/** One for each process; which checks meet at the server is up to the machine. */
export const SEEDS = [11, 22, 33];

const CLIENT = `
const { createRateLimiter } = require('spillway');
const limiter = createRateLimiter({ redis: given.redis, timeoutMs: 10000, ...given.limiter });
let state = given.seed;
const next = (n) => (state = (state * 48271) % 2147483647) % n;
// The first of each kind asks for more than its share, so that its rule is used up long before the others.
const one = (n) => (next(4) === 0 ? 0 : next(n));
const seen = [];
async function lane() {
  for (let i = 0; i < given.checks; i++) {
    const who = { ip: '192.0.2.' + one(5), user: 'u' + one(8), organization: 'org' + one(2) };
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

type Command = (name: string, key: string) => Promise<Reply>;

/** Units that stand in the state of a key, whatever its algorithm. */
export async function standing(ask: Command, key: string): Promise<number> {
  if ((await ask('TYPE', key)) === 'zset') return Number(await ask('ZCARD', key));
  const value = String((await ask('GET', key)) ?? '0');
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

/** The ledger's limiters: what is in a key behind the rule's id, and the plan's second rule. */
export const LEDGERS = [
  ['of every algorithm', MIXED, '@sliding-log', '@sliding-window', 'token-bucket-1h'],
  ['of fixed windows', WINDOWS, '', '', '1h'],
] as const;

/** Runs three processes, and `before` when they are connected; what each check was told. */
export async function playLedger(
  redis: unknown,
  limiter: object,
  hourly: string,
  before: () => Promise<unknown>,
): Promise<Seen[]> {
  const scripts = SEEDS.map((seed) => {
    const given = { redis, seed, checks: 40, lanes: 12, limiter };
    return new Script(CLIENT, { given });
  });
  await Promise.all(scripts.map((script) => script.report(0)));
  await before();
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
  return seen;
}

/** Units that were admitted. */
export const admitted = (seen: Seen[], mine: (one: Seen) => boolean = () => true) =>
  seen.filter((one) => one.allowed && mine(one)).reduce((sum, { cost }) => sum + cost, 0);

/** What each key must hold exactly; a bucket holds less by what has flowed back. */
export function booksOf(seen: Seen[], ofAddress: string, ofPerson: string): [key: string, due: number][] {
  const books: [key: string, due: number][] = [['{ratelimit:global:all}:all', admitted(seen)]];
  for (let i = 0; i < 5; i++) {
    const ip = `192.0.2.${i}`;
    books.push([`{ratelimit:ip:${ip}}:address${ofAddress}`, admitted(seen, (one) => one.ip === ip)]);
  }
  for (let i = 0; i < 8; i++) {
    const due = admitted(seen, (one) => one.user === `u${i}`);
    books.push([`{ratelimit:user:u${i}}:person${ofPerson}`, due]);
  }
  for (const org of ['org0', 'org1']) {
    books.push([`ratelimit:${org}`, admitted(seen, (one) => one.organization === org)]);
  }
  return books;
}
