/** `spillway/sqlite` on both drivers: what every store has to keep. */
import Better from 'better-sqlite3';
import { sqliteStore } from 'spillway/sqlite';
import { storeConformance } from 'spillway/testing';
import { reportsOf } from './support/process';
import { files, NODE_WITH_SQLITE } from './support/sqlite';

/** A clock that stands still; the store reads that of the wall. */
function setClock() {
  let nowMs = Date.now();
  const spy = jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
  return { advance: (ms: number) => void (nowMs += ms), restore: () => spy.mockRestore() };
}

const file = files();

storeConformance({
  name: 'on a file of SQLite',
  open() {
    const { advance, restore } = setClock();
    return { store: sqliteStore(file()), advance, close: restore };
  },
});
storeConformance({
  name: 'in a database of better-sqlite3 that is open',
  open() {
    const { advance, restore } = setClock();
    const database = new Better(':memory:');
    const close = () => {
      restore();
      database.close();
    };
    return { store: sqliteStore(database), advance, close };
  },
});

// better-sqlite3 is compiled for this Node here, and not for that one: so a path is opened by what Node has.
test.each([
  ['a path', 'sqliteStore(given.path)'],
  ['a DatabaseSync', `sqliteStore(new DatabaseSync(':memory:'))`],
])('%s on node:sqlite keeps every promise', async (_, store) => {
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const { sqliteStore } = require('spillway/sqlite');
    const { conformanceCases } = require('spillway/testing');
    let nowMs = Date.now();
    Date.now = () => nowMs;
    (async () => {
      for (const one of conformanceCases) {
        if (one.lacks !== undefined) continue;
        await one.run(() => ({ store: ${store}, advance: (ms) => void (nowMs += ms) })).then(
          () => report('kept'),
          (reason) => report(one.name + ': ' + reason.message),
        );
      }
    })();`;
  const given = { path: file() };
  const nodeArgs = ['--disable-warning=ExperimentalWarning'];
  const reports = await reportsOf(script, { node: NODE_WITH_SQLITE, nodeArgs, given });
  expect(reports.length).toBeGreaterThan(50);
  expect(reports.filter((one) => one !== 'kept')).toEqual([]);
});
