// Runs the tests under AddressSanitizer and UndefinedBehaviorSanitizer, in a copy of the tree: the binaries of the
// working tree stay as they are.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './addon.mjs';

const sanitizing = process.env.SPILLWAY_SANITIZE === '1';
const reports = process.env.SPILLWAY_SANITIZE_REPORTS;

function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'spillway-sanitize-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  for (const name of listed.toString().split('\0')) {
    if (name === '' || !existsSync(join(root, name))) continue;
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    cpSync(join(root, name), join(copy, name));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Runs `node scripts/test.mjs <args>` in a sanitized copy; answers its exit code. */
export function runSanitized(args) {
  const copy = copyTree();
  const env = {
    ...process.env,
    SPILLWAY_SANITIZE: '1',
    SPILLWAY_SANITIZE_REPORTS: mkdtempSync(join(tmpdir(), 'spillway-reports-')),
  };
  try {
    const script = join(copy, 'scripts/test.mjs');
    return spawnSync(process.execPath, [script, ...args], { cwd: copy, env, stdio: 'inherit' }).status ?? 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
    rmSync(env.SPILLWAY_SANITIZE_REPORTS, { recursive: true, force: true });
  }
}

/** What a process needs that has the sanitized code inside; nothing outside a sanitized run. */
export function sanitizerEnv({ preload }) {
  if (!sanitizing) return {};
  const options = `log_path=${join(reports, 'report')}`;
  const env = {
    ASAN_OPTIONS: `${options}:detect_leaks=1`,
    UBSAN_OPTIONS: `${options}:print_stacktrace=1`,
  };
  // Node itself is not built with the sanitizers, so their runtime has to come first.
  if (preload)
    env.LD_PRELOAD = execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  return env;
}

/** Prints what the sanitizers wrote, also from processes that the tests started; answers how many reports. */
export function countReports() {
  if (!sanitizing) return 0;
  const files = readdirSync(reports);
  for (const file of files) console.error(readFileSync(join(reports, file), 'utf8'));
  return files.length;
}
