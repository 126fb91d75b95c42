import { Metrics } from '../../examples/next-app/lib/metrics';
import { createSession, isPassword, isSession } from '../../examples/next-app/lib/session';

// The parts of the example app that people copy and that a browser does not see at a moment's notice.

const admitted = { allowed: true, source: 'redis' } as const;
const denied = { allowed: false, source: 'redis' } as const;
const unchecked = { allowed: true, source: 'none' } as const;

describe('Metrics', () => {
  let now = 0;
  let metrics: Metrics;
  beforeEach(() => {
    now = 1_800_000_000_000;
    metrics = new Metrics(() => now);
  });

  test('tells admitted, denied and not counted apart, by route and in total', () => {
    for (const decision of [admitted, admitted, denied, unchecked]) metrics.record('/api/a', decision);
    metrics.record('/api/b', denied);
    const { totals, routes } = metrics.read();
    expect(totals).toEqual({ allowed: 2, denied: 2, unchecked: 1 });
    expect(routes).toEqual([
      { route: '/api/a', allowed: 2, denied: 1, unchecked: 1 },
      { route: '/api/b', allowed: 0, denied: 1, unchecked: 0 },
    ]);
  });

  test('a denial that the policy decided is a denial', () => {
    metrics.record('/api/a', { allowed: false, source: 'none' });
    expect(metrics.read().totals).toEqual({ allowed: 0, denied: 1, unchecked: 0 });
  });

  test('puts each decision into its step of time', () => {
    metrics.record('/api/a', admitted);
    now += 25_000;
    metrics.record('/api/a', denied);
    const { series, from, stepMs } = metrics.read();
    expect(series).toHaveLength(60);
    expect(series[59]).toEqual({ allowed: 0, denied: 1, unchecked: 0 });
    expect(series[57]).toEqual({ allowed: 1, denied: 0, unchecked: 0 });
    expect(from + 60 * stepMs).toBeGreaterThan(now);
  });

  test('forgets after ten minutes, also where nothing came in between', () => {
    metrics.record('/api/a', admitted);
    now += 590_000;
    expect(metrics.read().totals.allowed).toBe(1);
    now += 10_000;
    expect(metrics.read().totals.allowed).toBe(0);
    metrics.record('/api/b', admitted);
    expect(metrics.read().routes).toEqual([{ route: '/api/b', allowed: 1, denied: 0, unchecked: 0 }]);
  });

  test('the rate is that of the last ten seconds', () => {
    for (let i = 0; i < 20; i++) metrics.record('/api/a', admitted);
    expect(metrics.read().perSecond).toBe(2);
    now += 9_000;
    expect(metrics.read().perSecond).toBe(2);
    now += 1_000;
    expect(metrics.read().perSecond).toBe(0);
  });
});

describe('a session', () => {
  const before = process.env.ADMIN_PASSWORD;
  beforeEach(() => {
    process.env.ADMIN_PASSWORD = 'for this test';
  });
  afterAll(() => {
    if (before === undefined) delete process.env.ADMIN_PASSWORD;
    else process.env.ADMIN_PASSWORD = before;
  });

  test('holds for eight hours', () => {
    const now = Date.now();
    const { value, maxAge } = createSession(now);
    expect(maxAge).toBe(8 * 3_600);
    expect(isSession(value, now + maxAge * 1_000 - 1)).toBe(true);
    expect(isSession(value, now + maxAge * 1_000)).toBe(false);
  });

  test('cannot be prolonged, made up or used after another password', () => {
    const { value } = createSession();
    const [ends, signature] = value.split('.');
    expect(isSession(`${Number(ends) + 1}.${signature}`)).toBe(false);
    expect(isSession(`${ends}.`)).toBe(false);
    expect(isSession('')).toBe(false);
    expect(isSession(undefined)).toBe(false);
    process.env.ADMIN_PASSWORD = 'another';
    expect(isSession(value)).toBe(false);
  });

  test('there is none without a password', () => {
    process.env.ADMIN_PASSWORD = '';
    expect(isPassword('')).toBe(false);
    expect(isSession(createSession().value)).toBe(false);
  });

  test('only the password is the password', () => {
    expect(isPassword('for this test')).toBe(true);
    expect(isPassword('for this test ')).toBe(false);
    expect(isPassword('')).toBe(false);
  });
});
