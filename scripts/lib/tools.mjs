// Programs and libraries of the system: looked for, and installed where that is ours to do.
import { existsSync, readFileSync } from 'node:fs';
import { howToInstall, missingBuildPackages, onPath, quietly } from './addon.mjs';
import { step } from './steps.mjs';

const PREFIXES = ['/usr', '/usr/local', '/opt/homebrew'];
const header = (name) => PREFIXES.some((prefix) => existsSync(`${prefix}/include/${name}`));

const OTHERS = {
  'libhiredis-dev': () => header('hiredis/read.h'),
  'libuv1-dev': () => header('uv.h'),
  'libgtest-dev': () => header('gtest/gtest.h'),
  'nlohmann-json3-dev': () => header('nlohmann/json.hpp'),
  'redis-server': () => onPath('redis-server'),
  'clang-format': () => onPath('clang-format'),
  'clang-tidy': () => onPath('clang-tidy'),
};

function missing(names) {
  return [...missingBuildPackages(), ...names.filter((name) => !OTHERS[name]())];
}

function isDebian() {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release) && onPath('apt-get') !== undefined;
}

/**
 * Makes sure of the build tools and of these Debian packages. As root on Debian or Ubuntu what is missing is installed
 * (unless `install` is false); elsewhere one line says what to run, and the process ends.
 */
export function ensureTools(names, { install = true } = {}) {
  const absent = missing(names);
  if (absent.length === 0) return;
  if (install && isDebian() && process.getuid() === 0) {
    step(`Installing ${absent.join(', ')}`, () => {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      quietly('apt-get', ['update'], { env });
      quietly('apt-get', ['install', '-y', '--no-install-recommends', ...absent], { env });
    });
    if (missing(names).length === 0) return;
  }
  console.error(`Missing: ${absent.join(', ')}; ${howToInstall(absent)}`);
  process.exit(1);
}
