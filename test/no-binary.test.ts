/** A package without its native part: an outage like any other, which is said loudly. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './support/process';

const MACHINE = `${process.platform}-${process.arch}`;
const folder = mkdtempSync(join(tmpdir(), 'spillway-no-binary-'));
beforeAll(() => {
  for (const name of ['dist', 'package.json', 'node_modules/ipaddr.js', 'node_modules/structured-headers']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `body` with `s`, the package, and `n`, its part for Next.js; `before` is done before they are loaded. */
function told(body: string, env: NodeJS.ProcessEnv = {}, before = ''): unknown {
  const script = `
    ${before}
    const said = [];
    console.error = console.warn = (line) => said.push(line);
    const s = require('./dist/index.js');
    const n = require('./dist/next/index.js');
    const codeOf = (act) => Promise.resolve().then(act).then((value) => value, (error) => error.code);
    (async () => { ${body} })().then((answer) => console.log(JSON.stringify(answer)));`;
  const given = { ...process.env, RATELIMIT_LOG_LEVEL: 'warn', ...env };
  return JSON.parse(
    execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8', env: given }),
  ) as unknown;
}

test('what is decided without it is counted as not opened, and what a fleet shares says what to do', () => {
  const answer = told(
    `
    const redis = process.env.REDIS_URL;
    const messageOf = (act) => Promise.resolve().then(act).then(() => 'done', (error) => error.code + ' ' + error.message);
    const shared = s.sharedRules({ redis });
    const limiter = s.createRateLimiter({ redis, rate: '5/h', sharedRules: shared, analytics: true });
    for (let i = 0; i < 3; i++) await limiter.check('k');
    await new Promise((done) => setTimeout(done, 50));
    const { rules, decisions, sharedRules } = limiter.stats();
    const { withoutStore } = rules.find(({ source }) => source === 'redis');
    return {
      reasons: Object.entries(withoutStore).filter(([, count]) => count > 0),
      unavailable: decisions.unavailable,
      current: sharedRules.current,
      set: await messageOf(() => shared.setOverride('org-1', '9/h')),
      fleet: await messageOf(() => limiter.fleet()),
      said: said.filter((line) => line.includes('Shared rules cannot be read')).length,
    };`,
    { REDIS_URL: 'redis://127.0.0.1:1' },
  );
  const missing = expect.stringMatching(/^ERR_NO_BINARY .*npm rebuild spillway/);
  expect(answer).toEqual({
    ...{ reasons: [['not-opened', 3]], unavailable: 3, current: false, said: 1 },
    ...{ set: missing, fleet: missing },
  });
});

test('the policy answers, health is false, and it is said once with what to do', () => {
  const answer = told(
    `
    const open = [];
    for (let i = 0; i < 150; i++) open.push((await s.checkRateLimit('org', 'FREE')).allowed);
    const shut = s.createRateLimiter({ redis: process.env.REDIS_URL, rate: '5/h', failureMode: 'closed' });
    const inProcess = s.createRateLimiter({ rate: '5/h' });
    return {
      admitted: open.filter(Boolean).length,
      shut: (({ allowed, reason, source }) => ({ allowed, reason, source }))(await shut.check('k')),
      inProcess: (await inProcess.check('k')).reason,
      healthy: [s.isRedisHealthy(), (await shut.health()).healthy, (await inProcess.health()).healthy],
      lastError: (await shut.health()).lastError,
      codes: [
        await codeOf(() => shut.reset('k')),
        await codeOf(() => s.resetRateLimit('org')),
        await codeOf(() => s.getAllRateLimits()),
        await codeOf(() => s.checkRateLimit('org', 'GOLD')),
        await codeOf(() => s.checkRateLimit('', 'FREE')),
      ],
      said,
    };`,
    { REDIS_URL: 'redis://127.0.0.1:1' },
  );
  const why = `The native part of spillway is not installed for ${MACHINE}. Run "npm rebuild spillway" on the machine that runs it;`;
  expect(answer).toEqual({
    admitted: 150,
    shut: { allowed: false, reason: 'unavailable', source: 'none' },
    inProcess: 'unavailable',
    healthy: [false, false, false],
    lastError: expect.stringContaining(why) as string,
    codes: ['ERR_NO_BINARY', 'ERR_NO_BINARY', 'ERR_NO_BINARY', 'ERR_UNKNOWN_PLAN', 'ERR_INVALID_KEY'],
    said: [
      expect.stringMatching(
        /^spillway: Redis does not count: The native part .*admitted without being counted/,
      ) as string,
      expect.stringMatching(/^spillway: The store in this process does not count: The native part/) as string,
    ],
  });
});

test('of several stores one counts that needs no native part; where all need it, that is the outage', () => {
  const answer = told(`
    const own = { name: 'own', async reset() { return 0; }, async apply({ items }) {
      return items.map(() => ({ allowed: true, remaining: 4, resetInMs: 1, retryAfterMs: 0, used: 1 }));
    } };
    const redis = s.redisStore('redis://127.0.0.1:1');
    const some = s.createRateLimiter({ store: s.failoverStore([redis, s.customStore(own)]), rate: '5/h' });
    const none = s.createRateLimiter({ store: s.failoverStore([redis, s.memoryStore()]), rate: '5/h' });
    return {
      sources: [(await some.check('k')).source, (await none.check('k')).source],
      stores: some.stats().stores.map(({ store, inUse, healthy, lastError }) => [store, inUse, healthy, lastError]),
      healthy: [(await some.health()).healthy, (await none.health()).healthy],
      code: await codeOf(() => none.reset('k')),
      said,
    };`) as { said: string[] };
  const why = expect.stringContaining(
    `The native part of spillway is not installed for ${MACHINE}.`,
  ) as string;
  expect(answer).toMatchObject({
    sources: ['own', 'none'],
    stores: [
      ['redis', false, false, why],
      ['own', true, true, null],
    ],
    healthy: [true, false],
    code: 'ERR_NO_BINARY',
  });
  expect(answer.said).toEqual([
    expect.stringMatching(
      /^spillway: Redis does not count: .*Until it does, the next store counts\.$/,
    ) as string,
    expect.stringMatching(
      /^spillway: The failover does not count: .*admitted without being counted/,
    ) as string,
  ]);
});

test('it is not looked for again with each check', () => {
  const looked = told(`
    const { Module } = { Module: require('node:module') };
    const original = Module._load;
    let loads = 0;
    Module._load = function (name, ...rest) {
      if (String(name).endsWith('spillway.node')) loads++;
      return original.call(this, name, ...rest);
    };
    for (let i = 0; i < 50; i++) await s.checkRateLimit('org', 'FREE');
    for (let i = 0; i < 5; i++) await s.createRateLimiter({ rate: '5/' + (i + 1) + 'h' }).check('k');
    return loads;`);
  expect(looked).toBe(1);
});

/** What each of these says: a build, a check, and a call that no policy answers. */
const EVERYWHERE = `
  const messageOf = (act) => Promise.resolve().then(act).then((value) => value, ({ name, code, message }) => [name, code, message]);
  const limiter = s.createRateLimiter({ rate: '5/h' });
  return {
    build: await messageOf(() => n.withSpillway({})),
    check: (({ allowed, reason }) => ({ allowed, reason }))(await limiter.check('k')),
    reset: await messageOf(() => limiter.reset('k')),
    said,
  };`;

/** The same sentence in all of them, in the log with what happens to requests. */
function expectSaid(answer: unknown, message: RegExp): void {
  const refusal = ['RateLimitError', 'ERR_NO_BINARY', expect.stringMatching(message) as string];
  expect(answer).toEqual({
    build: refusal,
    check: { allowed: true, reason: 'unavailable' },
    reset: refusal,
    said: [expect.stringMatching(/does not count: .*[^.]\. Until it does, requests are admitted/) as string],
  });
}

test('one that is there and cannot be loaded says why, from a build on', () => {
  const place = join(folder, 'prebuilds', MACHINE);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'spillway.node'), 'built for another system');
  try {
    const says =
      /^The native part of spillway is installed and cannot be loaded \(.+\)\. .*run "npm rebuild spillway"/;
    expectSaid(told(EVERYWHERE), says);
  } finally {
    rmSync(join(folder, 'prebuilds'), { recursive: true });
  }
});

test.each([
  [
    'win32',
    'x64',
    /^spillway has no binary for win32-x64; .* Build and run the app in WSL or in a container\.$/,
  ],
  ['freebsd', 'x64', /^spillway has no binary for freebsd-x64; .* Build and run the app there, for example/],
  ['linux', 'riscv64', /^spillway has no binary for linux-riscv64; .* Build and run the app there/],
])('%s on %s is told where the app can run', (platform, arch, says) => {
  const pretend = `
    Object.defineProperty(process, 'platform', { value: '${platform}' });
    Object.defineProperty(process, 'arch', { value: '${arch}' });`;
  expectSaid(told(EVERYWHERE, {}, pretend), says);
});

test('a Linux without glibc is told to use another image, not to build again', () => {
  const pretend = `
    Object.defineProperty(process, 'platform', { value: 'linux' });
    Object.defineProperty(process, 'arch', { value: 'x64' });
    process.report.getReport = () => ({ header: {} });`;
  expectSaid(
    told(EVERYWHERE, {}, pretend),
    /^spillway runs on Linux with glibc, .* Build and run the app in an image with glibc/,
  );
});

test.each([
  [
    'win32',
    /^spillway runs on Linux and macOS, and not on win32: build and run the app in WSL or in a container\.\n$/,
  ],
  ['freebsd', /^spillway runs on Linux and macOS, and not on freebsd: build and run the app there/],
])('an install on %s warns, and does not fail', (platform, says) => {
  const script = `
    Object.defineProperty(process, 'platform', { value: '${platform}' });
    import(${JSON.stringify(pathToFileURL(join(ROOT, 'scripts/install.mjs')).href)});`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: '',
    stderr: expect.stringMatching(says) as string,
  });
});

test('a bundle says to leave the package out of it, not to build it again', () => {
  // As Turbopack and webpack run it: under a name of theirs that is no file.
  const bundled = `
    const { Module } = { Module: require('node:module') };
    const original = Module.prototype._compile;
    Module.prototype._compile = function (text, file) {
      const isOurs = file.endsWith('spillway.js');
      return original.call(this, isOurs ? 'var __filename = "/ROOT/node_modules/spillway/dist/spillway.js";' + text : text, file);
    };`;
  expectSaid(told(EVERYWHERE, {}, bundled), /^spillway was bundled, .*withSpillway.*serverExternalPackages/);
});

test.each([
  ['Bun', "Object.defineProperty(process.versions, 'bun', { value: '1.3.0' });"],
  ['Deno', 'globalThis.Deno = {};'],
])('%s is told what is supported, before the binary is loaded', (name, pretend) => {
  const says = new RegExp(`^spillway runs on Node\\.js 20 or newer, and not on ${name},`);
  // Loading it would be seen: it would end such a process.
  const dies = `${pretend} process.dlopen = () => process.exit(7);`;
  cpSync(join(ROOT, 'prebuilds'), join(folder, 'prebuilds'), { recursive: true });
  try {
    expectSaid(told(EVERYWHERE, {}, dies), says);
  } finally {
    rmSync(join(folder, 'prebuilds'), { recursive: true });
  }
});
