/** What an audit is told, and that no answer waits for it: docs/audit.md. */
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditFile, createRateLimiter, type Change, type Decision } from 'spillway';
import { owner } from './support/owned';
import { reportsOf } from './support/process';
import { until } from './support/wait';

const own = owner();
let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'spillway-audit-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('every kind of change is told, with who made it and from where', async () => {
  const changes: Change[] = [];
  const limiter = await own(
    createRateLimiter({ plans: { FREE: '3/h' }, rules: [], onChange: (change) => changes.push(change) }),
  );
  const who = { by: 'admin:7', from: '192.0.2.1' };
  await limiter.reset('org-1', who);
  await limiter.block('org-1', 5_000, who);
  limiter.access.override('org-1', '9/h', who);
  limiter.access.deny('org-2', who);
  limiter.access.allow('org-3', who);
  limiter.access.remove('org-2', who);
  limiter.access.replace({}, who);
  limiter.setPlans({ FREE: '4/h' }, who);
  limiter.setRules([], who);
  await until('told', () => changes.length === 9);
  expect(changes.map(({ kind, subject, value }) => [kind, subject, value])).toEqual([
    ['reset', 'org-1', undefined],
    ['block', 'org-1', 5_000],
    ['override', 'org-1', '9/h'],
    ['access', 'org-2', 'deny'],
    ['access', 'org-3', 'allow'],
    ['access', 'org-2', null],
    ['access', undefined, undefined],
    ['plans', undefined, { FREE: '4/h' }],
    ['rules', undefined, []],
  ]);
  for (const change of changes) expect(change).toMatchObject({ ...who, shared: false });
  expect(() => limiter.access.deny('org-1', { by: 7 as never })).toThrow(/by must be a text/);
});

test('what throws, rejects or is no promise of this realm breaks nothing', async () => {
  const said: string[] = [];
  const limiter = await own(
    createRateLimiter({
      rate: '3/h',
      logger: { warn: (text) => said.push(text), error: () => {} },
      onDecision: () => {
        throw new Error('thrown');
      },
      onDenied: () => Promise.reject(new Error('rejected')),
      onChange: () => ({
        then: (_: unknown, failed: (error: Error) => void) => failed(new Error('foreign')),
      }),
    }),
  );
  for (let i = 0; i < 4; i++) await limiter.check('a');
  await limiter.reset('a');
  for (const why of ['thrown', 'rejected', 'foreign']) {
    await until(why, () => said.some((text) => text.includes(why)));
  }
});

test('answers do not wait for a listener that blocks', async () => {
  let told = 0;
  const limiter = await own(
    createRateLimiter({
      rate: '900/h',
      logger: false,
      onDecision: () => {
        told++;
        const untilMs = performance.now() + 4;
        while (performance.now() < untilMs);
      },
    }),
  );
  await Promise.all(Array.from({ length: 100 }, () => limiter.check('a')));
  // What comes in the next turn is not behind all 100 of them.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await limiter.check('a');
  expect(told).toBeLessThan(50);
  await until('all are told', () => told === 101);
});

test('listeners that are too slow are told of no more than memory bears, which is said', async () => {
  const said: string[] = [];
  let told = 0;
  const limiter = await own(
    createRateLimiter({
      rate: '90000/h',
      logger: { warn: (text) => said.push(text), error: () => {} },
      onDecision: () => told++,
    }),
  );
  await Promise.all(Array.from({ length: 12_000 }, () => limiter.check('a')));
  await until('all are told', () => told === 10_000);
  expect(said).toEqual([expect.stringContaining('too slow')]);
});

test('a sample is a part', async () => {
  let isLast = false;
  let told = 0;
  const limiter = await own(
    createRateLimiter({
      rate: '90000/h',
      logger: false,
      onDecision: { tell: () => told++, sample: 0.25 },
      onChange: () => (isLast = true),
    }),
  );
  for (let i = 0; i < 2_000; i++) await limiter.check('a');
  await limiter.reset('a');
  await until('all are told', () => isLast);
  expect(told).toBeGreaterThan(350);
  expect(told).toBeLessThan(650);
  for (const sample of [0, 2, '1']) {
    const make = () =>
      createRateLimiter({ rate: '3/h', onDecision: { tell: () => {}, sample: sample as number } });
    expect(make).toThrow(/onDecision.sample must be a number above 0/);
  }
});

test('lines hold whatever a client sends, one decision each', async () => {
  const path = join(folder, 'audit.jsonl');
  const audit = await own(auditFile(path));
  const told = jest.fn();
  const limiter = await own(
    createRateLimiter({
      ...{ rate: '1/h', logger: false },
      onDecision: (...decision) => (audit.onDecision(...decision), told()),
      onChange: (change) => (audit.onChange(change), told()),
    }),
  );
  const key = 'a\n"}\u2028\u009b31m\u007f';
  await limiter.check(key);
  await limiter.check(key);
  await limiter.reset('plain', { by: 'b'.repeat(256) });
  await until('all were told', () => told.mock.calls.length === 3);
  await audit.close();
  const text = readFileSync(path, 'utf8');
  expect(text).not.toMatch(/[\u2028\u007f-\u009f]/);
  expect(linesOf(path)).toMatchObject([
    { kind: 'decision', allowed: true, subject: key, limit: 1, remaining: 0, source: 'memory' },
    { kind: 'decision', allowed: false, subject: key, reason: 'limit' },
    { kind: 'reset', subject: 'plain', by: 'b'.repeat(256) },
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('SIGHUP goes on in a new file, as logrotate expects, and no line is lost', async () => {
  const path = join(folder, 'audit.jsonl');
  const [lost] = await reportsOf(
    `
    const fs = require('node:fs');
    const { auditFile } = require('spillway');
    const audit = auditFile(given, { logger: false });
    const change = (n) => audit.onChange({ kind: 'reset', subject: String(n), shared: false, at: Date.now() });
    (async () => {
      for (let n = 0; n < 100; n++) change(n);
      while (!fs.existsSync(given) || fs.statSync(given).size === 0) await new Promise((r) => setImmediate(r));
      fs.renameSync(given, given + '.1');
      process.kill(process.pid, 'SIGHUP');
      while (!fs.existsSync(given)) await new Promise((r) => setTimeout(r, 1));
      for (let n = 100; n < 200; n++) change(n);
      await audit.close();
      report(audit.lost);
    })();
  `,
    { given: path },
  );
  expect(lost).toBe(0);
  const subjects = [...linesOf(`${path}.1`), ...linesOf(path)].map(({ subject }) => Number(subject));
  expect(subjects).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(linesOf(path).length).toBeGreaterThanOrEqual(100);
});

test('a full file leaves lines out, counts them, says so once, and goes on after a rotation', async () => {
  const path = join(folder, 'audit.jsonl');
  const said: string[] = [];
  const logger = { warn: () => {}, error: (text: string) => said.push(text) };
  const audit = await own(auditFile(path, { maxBytes: 2_048, logger }));
  appendFileSync(path, 'x'.repeat(2_000));
  const change = () => audit.onChange({ kind: 'reset', subject: 's', shared: false, at: Date.now() });
  change();
  await until('left out', () => audit.lost === 1);
  change();
  await until('left out', () => audit.lost === 2);
  expect(said).toEqual([expect.stringContaining('maxBytes')]);
  renameSync(path, `${path}.1`);
  await audit.reopen();
  change();
  await until('written', () => statSync(path).size > 0);
  expect(linesOf(path)).toMatchObject([{ kind: 'lost', lines: 2 }, { kind: 'reset' }]);
});

test('a file that cannot be written breaks nothing, and says so once', async () => {
  const said: string[] = [];
  const logger = { warn: () => {}, error: (text: string) => said.push(text) };
  const audit = await own(auditFile(join(folder, 'nowhere', 'audit.jsonl'), { logger }));
  const limiter = await own(createRateLimiter({ rate: '3/h', onDecision: audit.onDecision }));
  const decisions: Decision[] = [];
  for (let i = 0; i < 4; i++) decisions.push(await limiter.check('a'));
  expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, true, false]);
  await until('left out', () => audit.lost === 4);
  expect(said).toEqual([expect.stringContaining('ENOENT')]);
});
