import { isFromElsewhere } from '../../examples/next-app/lib/origin';
import { readWhole } from '../../examples/next-app/lib/query';
import {
  createDevice,
  createSession,
  isPassword,
  readDevice,
  readSession,
} from '../../examples/next-app/lib/session';

// The parts of the example app that people copy and that a browser does not see at a moment's notice.

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
    const ends = now + maxAge * 1_000;
    expect(maxAge).toBe(8 * 3_600);
    expect(readSession(value, ends - 1)).toMatchObject({ ends });
    expect(readSession(value, ends)).toBeNull();
  });

  test('each is one of its own, also in the same millisecond', () => {
    const now = Date.now();
    const [a, b] = [createSession(now), createSession(now)].map(({ value }) => readSession(value, now)?.id);
    expect(a).not.toBe(b);
  });

  test('cannot be prolonged, made up or used after another password', () => {
    const { value } = createSession();
    const [ends, id, signature] = value.split('.');
    expect(readSession(value)).not.toBeNull();
    for (const wrong of [
      `${Number(ends) + 1}.${id}.${signature}`,
      `${ends}.${id}x.${signature}`,
      `${ends}.${id}.`,
      `${ends}.${signature}`,
      '',
      undefined,
    ]) {
      expect(readSession(wrong)).toBeNull();
    }
    process.env.ADMIN_PASSWORD = 'another';
    expect(readSession(value)).toBeNull();
  });

  test('a known device is not signed in, and a session is no device', () => {
    const [device, session] = [createDevice().value, createSession().value];
    expect(readDevice(device)).not.toBeNull();
    expect(readSession(device)).toBeNull();
    expect(readDevice(session)).toBeNull();
  });

  test('there is none without a password', () => {
    process.env.ADMIN_PASSWORD = '';
    expect(isPassword('')).toBe(false);
    expect(readSession(createSession().value)).toBeNull();
  });

  test('only the password is the password', () => {
    expect(isPassword('for this test')).toBe(true);
    expect(isPassword('for this test ')).toBe(false);
    expect(isPassword('')).toBe(false);
  });

  test('no secret is in the name of a symbol', () => {
    createSession();
    const names = Object.getOwnPropertySymbols(globalThis).map(String);
    expect(names.filter((name) => name.includes('next-app'))).not.toEqual([]);
    expect(names.filter((name) => name.includes('for this test'))).toEqual([]);
  });
});

describe('a request from elsewhere', () => {
  const ask = (headers: Record<string, string>) => isFromElsewhere({ headers: new Headers(headers) });
  const here = { host: 'app.example:3000' };

  test.each([
    [{}],
    [{ origin: 'http://app.example:3000' }],
    [{ origin: 'https://app.example:3000', 'sec-fetch-site': 'same-origin' }],
    [{ 'sec-fetch-site': 'none' }],
    // Behind proxies: what the browser asked is in front.
    [{ origin: 'https://public.example', 'x-forwarded-host': 'public.example, inner.example' }],
    [{ origin: 'https://public.example', 'x-forwarded-host': 'PUBLIC.example:443' }],
  ])('is not %j', (headers) => expect(ask({ ...here, ...headers })).toBe(false));

  test.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'http://app.example' }],
    [{ origin: 'http://app.example:3001' }],
    [{ origin: 'http://app.example:3000.evil.example' }],
    [{ origin: 'http://app.example:3000@evil.example' }],
    [{ origin: 'null' }],
    [{ origin: '' }],
    [{ origin: 'http://app.example:3000', 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ origin: 'https://inner.example', 'x-forwarded-host': 'public.example, inner.example' }],
  ])('is %j', (headers) => expect(ask({ ...here, ...headers })).toBe(true));

  test('is one where the host is not known', () => expect(ask({ origin: 'http://app.example' })).toBe(true));
});

describe('a whole number in a query', () => {
  const read = (query: string, otherwise?: number) =>
    readWhole(new URLSearchParams(query), 'n', { from: 1, to: 100, otherwise });

  test('is read in its range', () => {
    expect([read('n=1'), read('n=100'), read('n=7&n=8'), read('', 5)]).toEqual([1, 100, 7, 5]);
  });

  test.each([
    '',
    'n=',
    'n=0',
    'n=101',
    'n=-1',
    'n=1.5',
    'n=1e1',
    'n=0x10',
    'n=%205',
    'n=NaN',
    'n=Infinity',
    'n=٣',
  ])('anything else is a 400: %s', async (query) => {
    const answer = read(query) as Response;
    expect(answer.status).toBe(400);
    expect((await answer.json()).message).toBe('n must be a whole number from 1 to 100.');
  });
});
