/** The example of docs/stores.md, from its very files: it keeps what stores have to, between processes and over a crash. */
import { transformSync } from 'esbuild';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRateLimiter } from 'spillway';
import { storeConformance } from 'spillway/testing';
import { tryLock } from '../examples/stores/file-lock';
import { fileStore } from '../examples/stores/file-store';
import { owner } from './support/owned';
import { reportsOf, ROOT, Script } from './support/process';

const own = owner();
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const folders: string[] = [];
const folderOf = () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-files-'));
  folders.push(folder);
  return folder;
};
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

storeConformance({
  name: 'the file store, on a clock that is set',
  open() {
    let nowMs = Date.now();
    const advance = (ms: number) => void (nowMs += ms);
    return { store: fileStore(folderOf(), () => nowMs), advance };
  },
});
const shared = folderOf();
storeConformance({ name: 'the file store, on the clock of the machine', open: () => fileStore(shared) });

/** The example as another process loads it. */
const LOAD = `
const Module = require('node:module');
const load = (name) => {
  const { file, code } = given.modules[name];
  const loaded = new Module(file, module);
  loaded.filename = file;
  loaded.paths = [];
  loaded.require = (asked) => (asked in given.modules ? load(asked) : Module.createRequire(file)(asked));
  loaded._compile(code, file);
  return loaded.exports;
};
const { fileStore } = load('./file-store');
const { createRateLimiter } = require('spillway');
const limiter = createRateLimiter({ store: fileStore(given.folder), rate: given.rate, timeoutMs: 15_000 });
`;

function modules() {
  const compiled = (name: string) => {
    const file = join(ROOT, 'examples/stores', `${name}.ts`);
    return { file, code: transformSync(readFileSync(file, 'utf8'), { loader: 'ts', format: 'cjs' }).code };
  };
  return { './file-store': compiled('file-store'), './file-lock': compiled('file-lock') };
}

test('four processes at once admit the limit together', async () => {
  const given = { modules: modules(), folder: folderOf(), rate: '100/h' };
  const script = `${LOAD}
    const ask = () => limiter.check('k');
    (async () => {
      const all = [];
      for (let i = 0; i < 10; i++) all.push(...(await Promise.all([ask(), ask(), ask(), ask(), ask()])));
      const admitted = all.filter(({ allowed, source }) => allowed && source === 'file');
      report(admitted.map(({ remaining }) => remaining));
    })();`;
  const said = await Promise.all(times(4, () => reportsOf<number[]>(script, { given, withinMs: 60_000 })));
  const left = said.flat(2).sort((a, b) => b - a);
  expect(left).toEqual(times(100, (i) => 99 - i));
}, 70_000);

test('a process that is killed while it counts keeps nobody from counting, and loses nothing', async () => {
  const folder = folderOf();
  const given = { modules: modules(), folder, rate: '1000000/h' };
  const script = `${LOAD}
    (async () => { for (let i = 1; ; i++) { await limiter.check('k'); if (i % 10 === 0) report(i); } })();`;
  const limiter = await own(
    createRateLimiter({ store: fileStore(folder), rate: '1000000/h', timeoutMs: 5_000 }),
  );
  let told = 0;
  for (let round = 0; round < 5; round++) {
    const child = new Script(script, { given });
    await child.report(round);
    child.kill('SIGKILL');
    const { reports } = await child.ended;
    told += Number(reports.at(-1));
    const { source, remaining } = await limiter.check('k');
    const used = 1_000_000 - remaining;
    expect(source).toBe('file');
    expect(used).toBeGreaterThanOrEqual(told + round + 1);
    // What was charged and not told: nine at most, and the one that was under way.
    expect(used).toBeLessThanOrEqual(told + round + 1 + 10 * (round + 1));
  }
}, 60_000);

describe('the lock', () => {
  /** A process that is no more. */
  const GONE = '99999999 1 gone';

  test('is held by one, and free again', () => {
    const path = join(folderOf(), 'lock');
    const unlock = tryLock(path)!;
    expect(tryLock(path)).toBeUndefined();
    unlock();
    const again = tryLock(path)!;
    expect(again).toBeDefined();
    again();
  });

  test.each([
    ['a process that is gone', GONE],
    ['a number that another process has now', `${process.pid} 0 before`],
  ])('of %s is taken away', (_, holder) => {
    const path = join(folderOf(), 'lock');
    symlinkSync(holder, path);
    expect(tryLock(path)).toBeUndefined();
    expect(tryLock(path)).toBeDefined();
  });

  test('of a process that died while it took one away is taken away, too', () => {
    const path = join(folderOf(), 'lock');
    symlinkSync(GONE, path);
    symlinkSync(GONE, `${path}.steal`);
    const got = times(3, () => tryLock(path)).filter((unlock) => unlock !== undefined);
    expect(got).toHaveLength(1);
    expect(readlinkSync(path)).toMatch(new RegExp(`^${process.pid} `));
  });
});

test('a file that is none of a store is an outage with its reason, and stays as it is', async () => {
  const folder = folderOf();
  writeFileSync(join(folder, 'states.json'), '{ half of');
  const limiter = await own(createRateLimiter({ store: fileStore(folder), rate: '1/h', logger: false }));
  expect(await limiter.check('k')).toMatchObject({ allowed: true, reason: 'unavailable' });
  expect(limiter.stats().lastError).toMatch(/JSON/);
  expect(readFileSync(join(folder, 'states.json'), 'utf8')).toBe('{ half of');
  expect(readdirSync(folder)).toEqual(['states.json']);
});
