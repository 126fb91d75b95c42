// npm run lint: eslint, the rooms of lib/ (.dependency-cruiser.cjs), prettier, clang-format and clang-tidy; nothing is changed.
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cmake, root } from './lib/addon.mjs';
import { prepare } from './lib/prepare.mjs';
import { one, sum } from './lib/reports.mjs';
import { cppFiles, scriptFiles } from './lib/sources.mjs';
import { step } from './lib/steps.mjs';

const TOOLS = [
  'libhiredis-dev',
  'libuv1-dev',
  'libgtest-dev',
  'nlohmann-json3-dev',
  'clang-format',
  'clang-tidy',
];
/**
 * How far the analyzer follows the paths of one function. Its default, nine times as far, takes three quarters of the
 * whole time, most of it in a few functions whose paths no limit exhausts.
 */
const MOST_STATES = 25_000;
const ANALYZER = ['-analyzer-config', `max-nodes=${MOST_STATES}`].flatMap((argument) => [
  '--extra-arg=-Xclang',
  `--extra-arg=${argument}`,
]);

const exec = promisify(execFile);
const testBuild = join(root, 'build/test');
const releaseBuild = join(root, 'build/release');

prepare(TOOLS, { install: process.env.CI === 'true' });
// clang-tidy reads how each file is compiled, and the generated header.
step('Compiling the C++ tests', () =>
  cmake(testBuild, ['SPILLWAY_TESTS=ON', 'CMAKE_BUILD_TYPE=Debug', 'SPILLWAY_SANITIZE=OFF']),
);

const node = (script, ...args) => run(process.execPath, [join('node_modules', script), ...args]);
const results = await Promise.all([
  report('eslint', node('eslint/bin/eslint.js', '--max-warnings=0', '.')),
  report('rooms', node('dependency-cruiser/bin/dependency-cruise.mjs', 'lib')),
  report('prettier', node('prettier/bin/prettier.cjs', '--check', ...scriptFiles())),
  report('clang-format', run('clang-format', ['--dry-run', '-Werror', ...cppFiles()])),
  report('clang-tidy', tidy()),
]);
const { passed, failed } = sum(results.map(one));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** Shown in one piece when it ends: several run side by side. */
async function run(command, args) {
  try {
    const { stdout } = await exec(command, args, { cwd: root, maxBuffer: 1 << 26 });
    process.stdout.write(stdout);
    return true;
  } catch (error) {
    console.error(error.stdout || error.stderr || error.message);
    return false;
  }
}

async function report(name, running) {
  const good = await running;
  console.log(`${name}: ${good ? 'clean' : 'has something to mend'}`);
  return good;
}

/** Headers are looked at through the files that include them; each file in the build that compiles it. */
async function tidy() {
  const files = cppFiles().filter((name) => name.endsWith('.cpp'));
  let good = true;
  async function worker() {
    for (let name = files.pop(); name !== undefined; name = files.pop()) {
      const build = name.startsWith('binding/') ? releaseBuild : testBuild;
      if (!(await run('clang-tidy', ['--quiet', ...ANALYZER, '-p', build, name]))) good = false;
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return good;
}
