// npm run fuzz -- [target] [seconds]   fuzzes the C++ core with libFuzzer: all targets of fuzz/ (three at a time), 60 s each
//   npm run fuzz -- <target> <file>    plays one input again, such as one that broke something
//   npm run fuzz -- --keep [target]    takes what runs have found into fuzz/corpus, as few and as short inputs as cover the same
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cmake, root } from './lib/addon.mjs';
import { one, sum } from './lib/reports.mjs';
import { step } from './lib/steps.mjs';
import { ensureTools } from './lib/tools.mjs';

const TARGETS = ['reply', 'forms', 'cluster_map', 'key', 'state'];
const AT_ONCE = 3;
const build = join(root, 'build/fuzz');
const corpus = (target) => join(root, 'fuzz/corpus', target);
const found = (target) => join(build, 'found', target);
const LIMITS = ['-max_len=600', '-len_control=0', '-timeout=10', '-rss_limit_mb=2048'];

const args = process.argv.slice(2);
const keep = args[0] === '--keep';
if (keep) args.shift();
const target = TARGETS.includes(args[0]) ? args.shift() : undefined;
const [last = '60', ...surplus] = args;
const input = target && !keep && existsSync(last) ? last : undefined;
if (surplus.length > 0 || (input === undefined && !/^[1-9]\d*$/.test(last)) || (keep && args.length > 0)) {
  console.error(
    `Use: npm run fuzz -- [target] [seconds], <target> <file>, or --keep [target]; targets: ${TARGETS.join(', ')}.`,
  );
  process.exit(1);
}

ensureTools(['clang', 'libclang-rt-14-dev', 'libhiredis-dev', 'libuv1-dev'], {
  install: process.env.CI === 'true' || !keep,
});
step('Compiling the fuzz targets', () =>
  cmake(build, [
    'SPILLWAY_FUZZ=ON',
    'CMAKE_BUILD_TYPE=Debug',
    'CMAKE_C_COMPILER=clang',
    'CMAKE_CXX_COMPILER=clang++',
  ]),
);

const waiting = target ? [target] : [...TARGETS];
const counts = [];
const work = input ? playAgain : keep ? merge : fuzz;
await Promise.all(Array.from({ length: AT_ONCE }, worker));
const { passed, failed } = sum(counts);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function worker() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
    counts.push(one(await work(name)));
}

/** Runs a target; what it says goes to a file of its own. */
async function run(name, args, log) {
  const env = { ...process.env, UBSAN_OPTIONS: 'print_stacktrace=1' };
  const running = spawn(join(build, `fuzz_${name}`), args, { cwd: root, env });
  const file = createWriteStream(log);
  running.stdout.pipe(file, { end: false });
  running.stderr.pipe(file, { end: false });
  const [code] = await once(running, 'close');
  file.end();
  await once(file, 'close');
  return code === 0;
}

async function fuzz(name) {
  const log = join(build, `${name}.log`);
  mkdirSync(found(name), { recursive: true });
  const artifacts = `-artifact_prefix=${join(build, `${name}-`)}`;
  const good = await run(
    name,
    [...LIMITS, `-max_total_time=${last}`, artifacts, found(name), corpus(name)],
    log,
  );
  const said = readFileSync(log, 'latin1');
  const runs = /^#(\d+)\s+DONE/m.exec(said)?.[1] ?? '0';
  if (good) {
    console.log(`ok    ${name}: ${runs} inputs in ${last} s`);
    return true;
  }
  const why = /^(Broken: .*|.*runtime error: .*|==\d+==\s*ERROR: .*)$/m.exec(said)?.[1] ?? 'it ended badly';
  const written = /Test unit written to (\S+)/.exec(said)?.[1];
  console.log(`FAIL  ${name}: ${why}\n      all that it said: ${relative(root, log)}`);
  if (written) console.log(`      to play it again: npm run fuzz -- ${name} ${relative(root, written)}`);
  return false;
}

async function playAgain(name) {
  const log = join(build, `${name}.log`);
  const good = await run(name, [input], log);
  process.stdout.write(readFileSync(log, 'latin1'));
  return good;
}

async function merge(name) {
  const fresh = join(build, 'merged', name);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const sources = [corpus(name), found(name)].filter((folder) => existsSync(folder));
  const good = await run(
    name,
    [...LIMITS, '-merge=1', '-use_counters=0', fresh, ...sources],
    join(build, `${name}.log`),
  );
  if (!good) return false;
  rmSync(corpus(name), { recursive: true, force: true });
  renameSync(fresh, corpus(name));
  return true;
}
