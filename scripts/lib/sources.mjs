// The repository's own files, by ending.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './addon.mjs';

const SCRIPTS = /\.(ts|tsx|mts|cts|js|mjs|cjs|css)$/;
const CPP = /^(src|binding|test\/core|bench)\/.*\.(cpp|h)$/;

function tracked(pattern) {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  const names = listed.toString().split('\0');
  return names.filter((name) => pattern.test(name) && existsSync(join(root, name))).sort();
}

export const scriptFiles = () => tracked(SCRIPTS);
export const cppFiles = () => tracked(CPP);
