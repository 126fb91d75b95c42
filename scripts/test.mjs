// npm test: installs what it lacks, builds, and runs the C++ tests, the types' tests and Jest.
//   npm test -- --core            only the C++ tests (what follows is handed to ctest)
//   npm test -- --types           only the type tests
//   npm test -- --jest [args]     only Jest (what follows is handed to it)
//   npm test -- --faults          only the faults that are played on stores, test/faults
//   npm test -- --sanitize [...]  the same under AddressSanitizer and UndefinedBehaviorSanitizer; without a selection,
//                                 what has C++ in it: see scripts/lib/sanitized-tests.cjs
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cmake, root } from './lib/addon.mjs';
import { prepare } from './lib/prepare.mjs';
import { ctestCounts, jestCounts, one, sum } from './lib/reports.mjs';
import { coreEnv, countReports, nodeEnv, runSanitized } from './lib/sanitize.mjs';
import { ensureSqlite } from './lib/sqlite.mjs';
import { step } from './lib/steps.mjs';
import { tsc } from './lib/typescript.mjs';

const TOOLS = [
  'libhiredis-dev',
  'libuv1-dev',
  'libgtest-dev',
  'nlohmann-json3-dev',
  'openssl',
  'redis-server',
  'postgresql',
  'pgbouncer',
  'mariadb-server',
  'python3',
  'prometheus',
  // The files of examples/deploy, as those read them who deploy with them.
  'nginx-light',
  'systemd',
  'curl',
];
const sanitizing = process.env.SPILLWAY_SANITIZE === '1';
const [kind, ...rest] = process.argv.slice(2);

if (kind === '--sanitize') {
  prepare(TOOLS);
  process.exit(runSanitized(rest));
}
const suites = { '--core': coreTests, '--types': typeTests, '--jest': jestTests, '--faults': faultTests };
if (kind !== undefined && !Object.hasOwn(suites, kind)) {
  console.error(`Unknown argument ${kind}. Use --core, --types, --jest, --faults or --sanitize.`);
  process.exit(1);
}

prepare(TOOLS);
const counts = kind ? await suites[kind](rest) : await everything();
const { passed, failed } = sum([counts, { passed: 0, failed: countReports() }]);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

async function everything() {
  const core = coreTests([]);
  if (sanitizing) return sum([core, await sanitizedJestTests()]);
  // What keeps time under faults does not share the machine with everything else.
  return sum([
    core,
    typeTests(),
    jestTests(
      [],
      ['faults', 'node_modules', 'drill', 'image'].map((name) => `--testPathIgnorePatterns=/${name}/`),
    ),
    faultTests([]),
  ]);
}

function run(command, args, env) {
  const ran = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (ran.error) console.error(ran.error.message);
  return ran.status === 0;
}

function coreTests(args) {
  const folder = join(root, 'build/test');
  const report = join(folder, 'ctest.xml');
  const settings = [
    'SPILLWAY_TESTS=ON',
    'CMAKE_BUILD_TYPE=Debug',
    `SPILLWAY_SANITIZE=${sanitizing ? 'ON' : 'OFF'}`,
  ];
  step('Compiling the C++ tests', () => cmake(folder, settings));
  rmSync(report, { force: true });
  const ctest = [
    '--test-dir',
    folder,
    '--output-on-failure',
    // They wait for no clock but their own, and share nothing.
    '--parallel',
    `${availableParallelism()}`,
    '--no-tests=error',
    '--output-junit',
    report,
    ...args,
  ];
  return ctestCounts(report, run('ctest', ctest, coreEnv()));
}

function typeTests() {
  const projects = [
    'test/tsconfig.json',
    'test/types/tsconfig.json',
    'lib/dashboard/page/tsconfig.json',
  ].filter((name) => existsSync(join(root, name)));
  return sum(
    projects.map((project) => {
      const good = run(process.execPath, [tsc, '--noEmit', '-p', project]);
      console.log(`${project}: ${good ? 'compiles' : 'does not compile'}`);
      return one(good);
    }),
  );
}

/** @param own what is not the caller's: arguments of a caller select, so that less may pass than Jest knows */
function jestTests(args, own = []) {
  ensureSqlite();
  const report = join(root, 'build/jest.json');
  rmSync(report, { force: true });
  const good = run(process.execPath, [...jest(report), ...own, ...args], nodeEnv());
  return jestCounts(report, good, args.length > 0);
}

function faultTests(args) {
  return jestTests(args, ['test/faults/', '--maxWorkers=2']);
}

/**
 * Two halves at a time: half of their time is waiting, and instrumented runs have more of it. Each in a process of its
 * own instead of Jest's workers, which Jest kills before they have looked for leaks.
 */
async function sanitizedJestTests() {
  const env = { ...process.env, ...nodeEnv() };
  const filter = `--filter=${join(root, 'scripts/lib/sanitized-tests.cjs')}`;
  const halves = ['1/2', '2/2'].map(async (shard, i) => {
    const report = join(root, `build/jest-${i}.json`);
    rmSync(report, { force: true });
    const args = [...jest(report), filter, `--shard=${shard}`];
    const [code] = await once(spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env }), 'close');
    return jestCounts(report, code === 0, false);
  });
  return sum(await Promise.all(halves));
}

function jest(report) {
  const script = join(root, 'node_modules/jest/bin/jest.js');
  return [script, '--json', `--outputFile=${report}`];
}
