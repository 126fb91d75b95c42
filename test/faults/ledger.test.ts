/** The ledger finds what is wrong, and finds nothing where nothing is. */
import { bound, chargesBreach, firstBreach, told, type Check, type Terms } from './ledger';

const HOUR = 3_600_000;
const TERMS: Terms = {
  plans: {
    two: [{ algorithm: 'fixed-window', limit: 2, windowMs: HOUR }],
    layers: [
      { algorithm: 'fixed-window', limit: 9, windowMs: HOUR },
      { algorithm: 'sliding-window', limit: 3, windowMs: HOUR },
    ],
  },
  ...{ store: 'redis', answerMs: 350, share: 2, losses: [] },
};
const usual: Check = {
  ...{ no: 0, process: 0, mode: 'open', plan: 'two', key: 'k' },
  ...{ startMs: 1_000, endMs: 1_010, lostMs: 0, allowed: true, source: 'redis' },
};
/** Checks ten ms apart, each like the usual one but for what is said. */
const checks = (...given: Partial<Check>[]) =>
  given.map((one, i) => ({ ...usual, no: i, startMs: 1_000 + i * 10, endMs: 1_010 + i * 10, ...one }));
const why = (all: Check[], terms: Partial<Terms> = {}) => firstBreach(all, { ...TERMS, ...terms })?.why;

test('what keeps the terms is no breach', () => {
  const denied = { allowed: false };
  expect(why(checks({}, {}, denied, denied, { key: 'other' }, { mode: 'closed' }))).toBeUndefined();
  expect(why(checks({ source: 'none' }, { source: 'none' }, { source: 'none' }))).toBeUndefined();
  expect(why(checks({ source: 'none', mode: 'closed', allowed: false }))).toBeUndefined();
  expect(why([])).toBeUndefined();
});

test('an admission too many is found, and it is the first', () => {
  const breach = firstBreach(checks({}, { allowed: false }, {}, {}, {}), TERMS)!;
  expect(breach).toMatchObject({ check: { no: 3 }, why: 'admitted by redis as number 3 of at most 2' });
  expect(told(breach, 1_000, 'npm test')).toBe(
    "check 3 of process 0, key 'k', plan 'two', failureMode 'open', asked at 0.030 s: admitted by redis as number 3 of at most 2\nplay it again: npm test",
  );
  expect(why(checks({}, {}, { process: 1 }))).toMatch(/number 3/);
});

test('each rule of a plan binds', () => {
  expect(why(checks(...Array.from({ length: 3 }, () => ({ plan: 'layers' }))))).toBeUndefined();
  expect(why(checks(...Array.from({ length: 4 }, () => ({ plan: 'layers' }))))).toMatch(
    /number 4 of at most 3/,
  );
});

test('answers are in the order of their ends, and a loss counts from then on', () => {
  expect(why(checks({}, {}, {}), { losses: [1_025] })).toBeUndefined();
  expect(why(checks({}, {}, {}), { losses: [1_035] })).toMatch(/number 3 of at most 2/);
});

test('a process that counts alone has its share of each limit, each for itself', () => {
  const local = { source: 'memory', mode: 'memory' } as const;
  expect(
    why(checks(local, { ...local, process: 1 }, { mode: 'memory' }, { mode: 'memory' })),
  ).toBeUndefined();
  expect(why(checks(local, local))).toMatch(/admitted by memory as number 2 of at most 1/);
  expect(why(checks({ source: 'memory' }))).toBe("counted by this process alone, with failureMode 'open'");
});

test.each([
  ['a late answer', { endMs: 1_351 }, /answered after 351 ms, at most 350/],
  ['a denial by nobody that is open', { source: 'none', allowed: false }, /denied by nobody/],
  ['an admission by nobody that is closed', { source: 'none', mode: 'closed' }, /admitted by nobody/],
  ['memory that did not count', { source: 'none', mode: 'memory' }, /admitted by nobody/],
  ['another store', { source: 'postgres' }, /answered by 'postgres'/],
] as const)('%s', (_, one, said) => {
  expect(why(checks(one))).toMatch(said);
});

test('what the machine took from a process is not its answer', () => {
  expect(why(checks({ endMs: 1_400, lostMs: 50 }))).toBeUndefined();
  expect(why(checks({ endMs: 1_401, lostMs: 50 }))).toMatch(/answered after 351 ms/);
});

test('windows and what flows back make bounds grow', () => {
  const fixed = { algorithm: 'fixed-window', limit: 5, windowMs: 1_000 } as const;
  expect([0, 999, 1_000, 2_500].map((ms) => bound(fixed, ms, 0))).toEqual([5, 5, 10, 15]);
  expect(bound(fixed, 0, 2)).toBe(15);
  const bucket = { algorithm: 'token-bucket', limit: 10, burst: 4, windowMs: 1_000 } as const;
  expect([0, 1, 100, 1_000].map((ms) => bound(bucket, ms, 0))).toEqual([4, 5, 5, 14]);
  expect(bound(bucket, 0, 1)).toBe(8);
});

test('charges lie between what was answered and what was asked', () => {
  const asked = checks({}, {}, { source: 'none' });
  const of = (charged: number, losses: number[] = []) =>
    chargesBreach(asked, charged, { store: 'redis', losses });
  expect([of(2), of(3)]).toEqual([undefined, undefined]);
  expect(of(4)).toBe('4 charged for 3 checks');
  expect(of(1)).toBe('1 charged, 2 admitted');
  expect(of(1, [1_000])).toBeUndefined();
});
