/** Who may include what in C++: a wrong include fails to compile, also where libuv's and hiredis' headers are installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'spillway-includes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Entry {
  file: string;
  command: string;
}

/** How CMake compiles each file of the two libraries, as `npm run build` has left it. */
const entries = JSON.parse(
  readFileSync(join(root, 'build/release/compile_commands.json'), 'utf8'),
) as Entry[];

/** Compiles an include as a file of the room would be compiled, without making anything of it. */
function compile(room: string, include: string): { good: boolean; said: string } {
  const { command } = entries.find(({ file }) => file.startsWith(join(root, room)))!;
  const flags = command
    .split(' ')
    .filter((flag, i, all) => /^-(I|isystem|std|D)/.test(flag) || all[i - 1] === '-isystem');
  const source = join(folder, 'one.cpp');
  writeFileSync(source, `#include <${include}>\n`);
  const { status, stderr } = spawnSync('c++', [...flags, '-fsyntax-only', source], { encoding: 'utf8' });
  return { good: status === 0, said: stderr };
}

test.each([
  ['src/domain', 'rule.h'],
  ['src/io/redis', 'uv.h'],
  ['src/io/redis', 'hiredis/hiredis.h'],
  ['binding', 'node_api.h'],
])('%s may include %s', (room, include) => {
  expect(compile(room, include)).toEqual({ good: true, said: '' });
});

test.each([
  ['src/domain', 'uv.h'],
  ['src/domain', 'hiredis/hiredis.h'],
  ['src/domain', 'hiredis/read.h'],
  ['src/domain', 'openssl/ssl.h'],
  ['src/domain', 'node_api.h'],
  ['src/domain', 'napi.h'],
  ['src/domain', 'net/turn.h'],
  ['src/domain', 'redis/client.h'],
  ['src/domain', 'io/net/turn.h'],
  ['src/io/net', 'node_api.h'],
  ['src/io/redis', 'napi.h'],
  ['src/io/redis_store', 'js_native_api.h'],
  ['src/io/redis_store', 'store_handle.h'],
])('%s may not include %s', (room, include) => {
  const { good, said } = compile(room, include);
  expect(good).toBe(false);
  expect(said).toMatch(/belongs into|No such file/);
});

/** Within a library the rooms stand in an order: each may include those in front of it. */
const ORDER = ['net', 'redis', 'redis_store'];

test('in src/io no room includes a later one, and nobody climbs out of a room', () => {
  const files = execFileSync('find', ['src', 'binding', '-name', '*.h', '-o', '-name', '*.cpp'], {
    cwd: root,
    encoding: 'utf8',
  });
  const wrong: string[] = [];
  for (const file of files.trim().split('\n')) {
    const room = ORDER.indexOf(file.split('/')[2]!);
    for (const [, include] of readFileSync(join(root, file), 'utf8').matchAll(/#include "([^"]+)"/g)) {
      const to = ORDER.indexOf(include!.split('/')[0]!);
      const backwards = file.startsWith('src/io/') && to > room;
      if (backwards || include!.includes('..')) wrong.push(`${file}: ${include}`);
    }
  }
  expect(wrong).toEqual([]);
});
