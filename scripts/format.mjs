// npm run format: rewrites every file in the project's style.
import { spawnSync } from 'node:child_process';
import { root } from './lib/addon.mjs';
import { cppFiles, scriptFiles } from './lib/sources.mjs';
import { ensureTools } from './lib/tools.mjs';

ensureTools(['clang-format'], { install: false });
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0;
const prettier = run(process.execPath, [
  'node_modules/prettier/bin/prettier.cjs',
  '--write',
  ...scriptFiles(),
]);
const clang = run('clang-format', ['-i', ...cppFiles()]);
process.exitCode = prettier && clang ? 0 : 1;
