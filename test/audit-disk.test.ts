/** An audit whose folder, disk or rotation is not as it should be: docs/audit.md. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditFile, type Change } from 'spillway';
import { owner } from './support/owned';
import { reportsOf, ROOT } from './support/process';
import { until } from './support/wait';

const own = owner();
let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'spillway-audit-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const change = (subject: string): Change => ({ kind: 'reset', subject, shared: false, at: Date.now() });
const textsOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const isLine = (text: string) => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
};

test.each([
  ['a folder that is not there', () => join(folder, 'nowhere', 'audit.jsonl'), 'ENOENT'],
  ['a folder in its place', () => folder, 'EISDIR'],
  ['a file in place of its folder', () => join(ROOT, 'package.json', 'audit.jsonl'), 'ENOTDIR'],
  ['a full disk', () => '/dev/full', 'ENOSPC'],
])('%s loses lines, which are counted, and is said once', async (_, pathOf, code) => {
  const said: string[] = [];
  const logger = { warn: () => {}, error: (text: string) => said.push(text) };
  const audit = await own(auditFile(pathOf(), { logger }));
  for (let i = 1; i <= 3; i++) {
    audit.onChange(change('a'));
    await until('left out', () => audit.lost === i);
  }
  await audit.reopen();
  audit.onChange(change('a'));
  await until('left out', () => audit.lost === 4);
  expect(said).toEqual([expect.stringContaining(code)]);
});

test('a folder that turns up is written to, from a second later on, and the gap is a line', async () => {
  const path = join(folder, 'later', 'audit.jsonl');
  const audit = await own(auditFile(path, { logger: false }));
  audit.onChange(change('a'));
  await until('left out', () => audit.lost === 1);
  mkdirSync(join(folder, 'later'));
  const written = () => {
    audit.onChange(change('b'));
    return existsSync(path) && textsOf(path).length > 0;
  };
  await until('written', written, { everyMs: 50 });
  await audit.close();
  expect(textsOf(path).map((text) => JSON.parse(text) as object)[0]).toMatchObject({ kind: 'lost' });
});

test('a line that a full disk, or the end of a process, cut off spoils no other', async () => {
  const path = join(folder, 'audit.jsonl');
  const script = `
    const audit = require('spillway').auditFile(${JSON.stringify(path)}, { logger: false });
    const write = () => {
      audit.onChange({ kind: 'reset', subject: 's'.repeat(900), shared: false, at: Date.now() });
      if (audit.lost === 0) setTimeout(write, 5);
      else process.exit(0);
    };
    write();`;
  // So many blocks of 512 bytes may a file have: the write in which they end is cut off.
  execFileSync('sh', ['-c', 'ulimit -f 8; exec "$0" -e "$1"', process.execPath, script], { cwd: ROOT });
  expect(readFileSync(path)).toHaveLength(4_096);
  for (const subject of ['behind it', 'behind that']) {
    const audit = await own(auditFile(path));
    audit.onChange(change(subject));
    await audit.close();
  }
  const torn = textsOf(path).filter((text) => !isLine(text));
  expect(torn).toHaveLength(1);
  expect(
    textsOf(path)
      .slice(-2)
      .map((text) => JSON.parse(text) as object),
  ).toMatchObject([{ subject: 'behind it' }, { subject: 'behind that' }]);
  expect(textsOf(path)).not.toContain('');
});

test('a storm of SIGHUP loses no line, and leaves no file open', async () => {
  const path = join(folder, 'audit.jsonl');
  appendFileSync(path, '');
  const [told] = await reportsOf<{ lost: number; open: number }>(
    `
    const fs = require('node:fs');
    const audit = require('spillway').auditFile(given, { logger: false });
    const open = () => fs.readdirSync('/proc/self/fd').filter((fd) => {
      try { return fs.readlinkSync('/proc/self/fd/' + fd).startsWith(given); } catch { return false; }
    }).length;
    (async () => {
      for (let n = 0; n < 500; n++) {
        audit.onChange({ kind: 'reset', subject: String(n), shared: false, at: Date.now() });
        process.kill(process.pid, 'SIGHUP');
        if (n % 50 === 0) fs.renameSync(given, given + '.' + n / 50), fs.appendFileSync(given, '');
        if (n % 3 === 0) await new Promise(setImmediate);
      }
      await audit.close();
      report({ lost: audit.lost, open: open() });
    })();
  `,
    { given: path },
  );
  expect(told).toEqual({ lost: 0, open: 0 });
  const files = [...Array.from({ length: 10 }, (_, i) => `${path}.${i}`), path];
  const subjects = files.flatMap(textsOf).map((text) => Number((JSON.parse(text) as Change).subject));
  expect(subjects.sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, n) => n));
});
