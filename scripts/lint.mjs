// npm run lint: eslint, the rooms of lib/ (.dependency-cruiser.cjs), prettier, clang-format and clang-tidy; nothing is changed.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cmake, root } from './lib/addon.mjs';
import { prepare } from './lib/prepare.mjs';
import { one, sum } from './lib/reports.mjs';
import { cppFiles, scriptFiles } from './lib/sources.mjs';
import { step } from './lib/steps.mjs';
import { tidy } from './lib/tidy.mjs';

const TOOLS = [
  'libhiredis-dev',
  'libuv1-dev',
  'libgtest-dev',
  'nlohmann-json3-dev',
  'clang-format',
  'clang-tidy',
];
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
  report('clang-tidy', tidy(buildOf, output)),
]);
const { passed, failed } = sum(results.map(one));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function output(command, args) {
  try {
    const { stdout } = await exec(command, args, { cwd: root, maxBuffer: 1 << 26 });
    return { good: true, output: stdout };
  } catch (error) {
    return { good: false, output: error.stdout || error.stderr || error.message };
  }
}

/** Shown in one piece when it ends: several run side by side. */
async function run(command, args) {
  const ran = await output(command, args);
  process.stdout.write(ran.output);
  return ran.good;
}

async function report(name, running) {
  const good = await running;
  console.log(`${name}: ${good ? 'clean' : 'has something to mend'}`);
  return good;
}

/** The build that compiles a file. */
function buildOf(file) {
  return file.startsWith('binding/') ? releaseBuild : testBuild;
}
