// clang-tidy over the files of one folder at a time: nine tenths of its work on one file are the headers of the standard
// library, gtest and Node, and files that are compiled alike share them.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { root } from './addon.mjs';
import { cppFiles } from './sources.mjs';

/**
 * How far the analyzer follows the paths of one function. Its default, nine times as far, takes three quarters of the
 * whole time, most of it in a few functions whose paths no limit exhausts.
 */
const MOST_STATES = 25_000;
const toClang = (...args) => args.flatMap((arg) => ['--extra-arg=-Xclang', `--extra-arg=${arg}`]);
const LIMITED = toClang('-analyzer-config', `max-nodes=${MOST_STATES}`);
/**
 * To the analyzer a file that is included is a header, whose paths it does not follow unless told to. Those of tests and fuzz
 * targets are all taken under sanitizers.
 */
const pathsOf = ([{ file }]) =>
  /^(src|binding)\//.test(relative(root, file)) ? toClang('-analyzer-opt-analyze-headers') : [];
const MOST_FILES = 8;
const OURS = '--header-filter=.*/(src|binding|fuzz|test|bench)/.*';
const folder = join(root, 'build/tidy');

/**
 * @param builds the folder of the build that compiles a file
 * @param run runs a command; answers `{ good, output }`
 */
export async function tidy(builds, run) {
  rmSync(folder, { recursive: true, force: true });
  let made = 0;
  let good = true;
  const waiting = groups(builds);

  async function look(files) {
    const place = join(folder, `${made++}`);
    const { good: clean, output } = await run('clang-tidy', [
      ...['--quiet', OURS, ...LIMITED, ...pathsOf(files)],
      ...['-p', place, together(place, files)],
    ]);
    if (clean) return;
    // Two files may give one name to two things of their own.
    if (files.length > 1 && output.includes('[clang-diagnostic-error]')) {
      const half = Math.ceil(files.length / 2);
      waiting.push(files.slice(0, half), files.slice(half));
      return;
    }
    process.stdout.write(output);
    good = false;
  }
  async function worker() {
    for (let files = waiting.pop(); files !== undefined; files = waiting.pop()) await look(files);
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return good;
}

/** Files of one folder that are compiled with the same arguments. */
function groups(builds) {
  const alike = new Map();
  for (const file of cppFiles().filter((name) => name.endsWith('.cpp'))) {
    const compiled = compilation(builds(file), file);
    const key = `${dirname(file)} ${argumentsOf(compiled)}`;
    alike.set(key, [...(alike.get(key) ?? []), compiled]);
  }
  return [...alike.values()].flatMap((files) => {
    const parts = Math.ceil(files.length / MOST_FILES);
    const size = Math.ceil(files.length / parts);
    return Array.from({ length: parts }, (_, i) => files.slice(i * size, (i + 1) * size));
  });
}

const databases = new Map();

function compilation(build, file) {
  if (!databases.has(build)) {
    databases.set(build, JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8')));
  }
  const found = databases.get(build).find((entry) => relative(root, entry.file) === file);
  if (!found) throw new Error(`${file} is compiled by nobody in ${relative(root, build)}`);
  return found;
}

/** Without the file's own name, and that of what is made of it. */
const argumentsOf = ({ command, file }) => command.replaceAll(file, '').replace(/-o \S+/, '');

/** A file that includes all of them, and how it is compiled. */
function together(place, files) {
  mkdirSync(place, { recursive: true });
  const [{ directory, command, file }] = files;
  const all = join(place, 'all.cpp');
  // NOLINT: a source is included nowhere else.
  writeFileSync(all, files.map((one) => `#include "${one.file}"  // NOLINT\n`).join(''));
  const entry = { directory, file: all, command: command.replaceAll(file, all) };
  writeFileSync(join(place, 'compile_commands.json'), JSON.stringify([entry]));
  return all;
}
