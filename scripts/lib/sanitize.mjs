// Runs the tests under AddressSanitizer and UndefinedBehaviorSanitizer, in a copy of the tree: the binaries of the
// working tree stay as they are.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from './addon.mjs';
import { isGenerated } from './sources.mjs';

const sanitizing = process.env.SPILLWAY_SANITIZE === '1';
const reports = process.env.SPILLWAY_SANITIZE_REPORTS;

function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'spillway-sanitize-'));
  for (const name of readdirSync(root).filter((entry) => !isGenerated(entry))) {
    cpSync(join(root, name), join(copy, name), {
      recursive: true,
      filter: (path) => !isGenerated(basename(path)),
    });
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

/** What the core's tests need; nothing outside a sanitized run. */
export function coreEnv() {
  return sanitizing ? { UBSAN_OPTIONS: 'print_stacktrace=1' } : {};
}

/** What Jest and the processes that its tests start need; nothing outside a sanitized run. */
export function nodeEnv() {
  if (!sanitizing) return {};
  // Leaks are looked for in processes named node only: a compiler or a Redis that a test starts may leak.
  writeFileSync(join(reports, 'node.options'), 'detect_leaks=1');
  const log = `log_path=${join(reports, 'report')}`;
  return {
    ASAN_OPTIONS: `${log}:detect_leaks=0:include_if_exists=${join(reports, '%b.options')}`,
    // Tests look at exit codes, and V8 frees little when process.exit ends it; see `isOurs`.
    LSAN_OPTIONS: 'exitcode=0',
    UBSAN_OPTIONS: `${log}:print_stacktrace=1`,
    // Node itself is not built with the sanitizers, so their runtime has to come first.
    LD_PRELOAD: execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim(),
  };
}

/** Whether a leak was allocated by our code: no frame of V8 or Node stands between it and the allocator. */
function isOurs(leak) {
  const frames = leak.split('\n').filter((line) => /^ *#\d+ /.test(line));
  const ours = frames.findIndex((frame) => frame.includes(root));
  const allocators = ours < 0 ? frames : frames.slice(0, ours);
  return !allocators.some((frame) => /\b(v8::|node::|Builtins_|napi_)/.test(frame));
}

/** Prints what the sanitizers wrote, also in processes that the tests started; answers how many reports count. */
export function countReports() {
  if (!sanitizing) return 0;
  let count = 0;
  for (const file of readdirSync(reports).filter((name) => name.startsWith('report.'))) {
    const text = readFileSync(join(reports, file), 'utf8');
    const leaks = text.split(/\n\n+/).filter((block) => /^(Direct|Indirect) leak of/.test(block));
    const shown = text.includes('LeakSanitizer') ? leaks.filter(isOurs) : [text];
    for (const report of shown) console.error(`${report}\n`);
    count += shown.length;
  }
  return count;
}
