// What somebody who means harm would try on the example app.
import assert from 'node:assert/strict';
import { check } from './tally.mjs';

const OTHERS = ['https://evil.example', 'null', 'http://localhost.evil.example'];

/** Signing in to an app at `address`; with a cookie as a browser that was there before. */
export const signInAt = (address, password, { from = '203.0.113.9', cookie = '' } = {}) =>
  fetch(`${address}/api/admin/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': from, Cookie: cookie },
    body: JSON.stringify({ password }),
  });

/** The cookies that an answer sets, by name, as they are sent back. */
export const cookiesOf = (response) =>
  Object.fromEntries(response.headers.getSetCookie().map((line) => [line.split('=')[0], line.split(';')[0]]));

const overview = (address, cookie) =>
  fetch(`${address}/admin/data/overview`, { headers: { Cookie: cookie } }).then(({ status }) => status);
const signOut = (address, cookie) =>
  fetch(`${address}/api/admin/session`, { method: 'DELETE', headers: { Cookie: cookie } });

async function newSession(address, password) {
  const signedIn = await signInAt(address, password, { from: '203.0.113.20' });
  assert.equal(signedIn.status, 204);
  return cookiesOf(signedIn)['spillway-admin'];
}

export async function headers(address, password) {
  await check(
    'no answer may be framed, sniffed or told of, and pages run only their own scripts',
    async () => {
      for (const path of [
        '/',
        '/algorithms',
        '/admin/login',
        '/nowhere',
        '/api/health',
        '/api/status?org=acme',
      ]) {
        const response = await fetch(address + path);
        const said = (name) => response.headers.get(name);
        assert.equal(said('x-frame-options'), 'DENY', path);
        assert.equal(said('x-content-type-options'), 'nosniff', path);
        assert.equal(said('referrer-policy'), 'same-origin', path);
        assert.equal(said('x-powered-by'), null, path);
        const policy = said('content-security-policy') ?? '';
        for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"]) {
          assert.ok(policy.includes(part), `${path}: ${policy}`);
        }
        assert.doesNotMatch(/script-src[^;]*/.exec(policy)?.[0] ?? '', /unsafe|http/, path);
        const html = path.startsWith('/api/') ? '' : await response.text();
        const nonce = /'nonce-([^']+)'/.exec(policy)?.[1];
        const scripts = html.match(/<script\b[^>]*>/g) ?? [];
        assert.equal(scripts.length > 0, html !== '');
        for (const script of scripts) assert.ok(script.includes(`nonce="${nonce}"`), `${path}: ${script}`);
      }
    },
  );

  await check('the dashboard runs and wears its own script and style alone', async () => {
    const Cookie = await newSession(address, password);
    const response = await fetch(`${address}/admin`, { headers: { Cookie } });
    assert.equal(response.status, 200);
    const policy = response.headers.get('content-security-policy');
    assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/);
    assert.doesNotMatch(policy, /unsafe|nonce|http/);
    assert.equal(response.headers.get('x-frame-options'), 'DENY');
    assert.equal((await response.text()).match(/<script>/g).length, 1);
  });

  await check('a nonce is good for one answer', async () => {
    const policies = await Promise.all(
      Array.from({ length: 5 }, async () => (await fetch(address)).headers.get('content-security-policy')),
    );
    assert.equal(new Set(policies).size, 5);
  });
}

export async function origins(address, password) {
  const cookie = await newSession(address, password);
  const changes = [
    ['POST', '/admin/do/reset'],
    ['POST', '/admin/do/block'],
    ['POST', '/admin/do/raise'],
    ['POST', '/api/admin/seed?organizations=0'],
    ['POST', '/api/admin/session'],
    ['DELETE', '/api/admin/session'],
    ['PUT', '/api/plan?org=acme&plan=DEMO'],
  ];
  const send = (method, path, more) =>
    fetch(address + path, {
      method,
      headers: { Cookie: cookie, 'Content-Type': 'application/json', ...more },
      body: method === 'POST' ? '{"subject":"acme"}' : null,
    });

  await check('what changes something is refused to the pages of others', async () => {
    for (const [method, path] of changes) {
      for (const Origin of OTHERS) {
        assert.equal((await send(method, path, { Origin })).status, 403, `${method} ${path} from ${Origin}`);
      }
      assert.equal((await send(method, path, { 'Sec-Fetch-Site': 'cross-site' })).status, 403, path);
    }
    assert.equal(await overview(address, cookie), 200);
  });

  await check('and done for the own', async () => {
    const own = { Origin: address };
    assert.equal((await send('POST', '/admin/do/reset', own)).status, 200);
    assert.equal((await send('PUT', '/api/plan?org=acme&plan=DEMO', own)).status, 200);
    assert.equal((await send('DELETE', '/api/admin/session', own)).status, 204);
  });
}

export async function numbers(address, password) {
  await check('a number in a query is one, or refused', async () => {
    const headers = { Cookie: await newSession(address, password) };
    for (const count of ['', 'x', '-1', '1.5', '1e3', '100001']) {
      const url = `${address}/api/admin/seed?organizations=${count}`;
      assert.equal((await fetch(url, { method: 'POST', headers })).status, 400, `organizations=${count}`);
    }
  });
}

export async function sessions(address, password, others = []) {
  await check('signing out ends the session, also for who copied the cookie', async () => {
    const [copied, another] = [await newSession(address, password), await newSession(address, password)];
    for (const at of [address, ...others]) assert.equal(await overview(at, copied), 200);
    const signedOut = await signOut(address, copied);
    assert.equal(signedOut.status, 204);
    assert.match(signedOut.headers.get('set-cookie'), /^spillway-admin=;/);
    for (const at of [address, ...others]) {
      assert.equal(await overview(at, copied), 401);
      const page = await fetch(`${at}/admin`, { headers: { Cookie: copied }, redirect: 'manual' });
      assert.equal(page.headers.get('location'), '/admin/login');
      assert.equal(await overview(at, another), 200, 'the others go on');
    }
    // Once more, and with what never was one.
    assert.equal((await signOut(address, copied)).status, 204);
    assert.equal((await signOut(address, 'spillway-admin=1.2.3')).status, 204);
  });
}

export async function guesses(address, password) {
  await check(
    'wrong passwords from ever new addresses slow the sign-in down, and lock nobody out',
    async () => {
      const guess = (i) => signInAt(address, 'wrong', { from: `198.51.${100 + (i >> 8)}.${i & 255}` });
      const answers = await Promise.all(Array.from({ length: 250 }, (_, i) => guess(i)));
      assert.ok(answers.every(({ status }) => status === 401));
      const start = performance.now();
      assert.equal((await signInAt(address, password, { from: '203.0.113.30' })).status, 204);
      const ms = performance.now() - start;
      assert.ok(ms >= 1_900 && ms < 10_000, `it took ${ms} ms`);
    },
  );

  await check('a device that had signed in is not asked to wait for what others guessed', async () => {
    const known = cookiesOf(await signInAt(address, password, { from: '203.0.113.40' }))['spillway-device'];
    const from = '203.0.113.41';
    for (let i = 0; i < 5; i++) assert.equal((await signInAt(address, 'wrong', { from })).status, 401);
    assert.equal((await signInAt(address, password, { from })).status, 429);
    const start = performance.now();
    assert.equal((await signInAt(address, password, { from, cookie: known })).status, 204);
    assert.ok(performance.now() - start < 900, 'at once');
    // It guesses no better than others.
    for (let i = 0; i < 5; i++)
      assert.equal((await signInAt(address, 'wrong', { from, cookie: known })).status, 401);
    assert.equal((await signInAt(address, password, { from, cookie: known })).status, 429);
    // Who makes one up is a stranger.
    const forged = known.replace('=', '=9');
    assert.equal((await signInAt(address, password, { from, cookie: forged })).status, 429);
  });
}
