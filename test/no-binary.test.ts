/** A package without its native part: an outage like any other, which is said loudly. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './support/process';

const folder = mkdtempSync(join(tmpdir(), 'spillway-no-binary-'));
beforeAll(() => {
  for (const name of ['dist', 'package.json', 'node_modules/ipaddr.js', 'node_modules/structured-headers']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

function told(body: string, env: NodeJS.ProcessEnv = {}): unknown {
  const script = `
    const said = [];
    console.error = console.warn = (line) => said.push(line);
    const s = require('./dist/index.js');
    const codeOf = (act) => Promise.resolve().then(act).then((value) => value, (error) => error.code);
    (async () => { ${body} })().then((answer) => console.log(JSON.stringify(answer)));`;
  const given = { ...process.env, RATELIMIT_LOG_LEVEL: 'warn', ...env };
  return JSON.parse(
    execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8', env: given }),
  ) as unknown;
}

test('the policy answers, health is false, and it is said once with what to do', () => {
  const answer = told(
    `
    const open = [];
    for (let i = 0; i < 150; i++) open.push((await s.checkRateLimit('org', 'FREE')).allowed);
    const shut = s.createRateLimiter({ redis: process.env.REDIS_URL, rate: '5/h', onError: 'closed' });
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
  const why =
    'The native part of spillway cannot be loaded; run "npm rebuild spillway" on the machine that runs it.';
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
