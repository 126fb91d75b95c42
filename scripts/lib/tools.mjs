// Programs and libraries of the system: looked for, and installed where that is ours to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { hasHeader, howToInstall, missingBuildPackages, onPath, quietly } from './addon.mjs';
import { step } from './steps.mjs';

const OTHERS = {
  'libhiredis-dev': () => hasHeader('hiredis/read.h'),
  'libuv1-dev': () => hasHeader('uv.h'),
  'libgtest-dev': () => hasHeader('gtest/gtest.h'),
  'nlohmann-json3-dev': () => hasHeader('nlohmann/json.hpp'),
  'redis-server': () => onPath('redis-server'),
  chromium: () => onPath('chromium'),
  'nginx-light': () => onPath('nginx') ?? existsSync('/usr/sbin/nginx'),
  'nghttp2-client': () => onPath('h2load'),
  openssl: () => onPath('openssl'),
  'clang-format': () => onPath('clang-format'),
  'clang-tidy': () => onPath('clang-tidy'),
};

/** Installed where that is ours to do; elsewhere CMake fetches it. */
const OPTIONAL = ['libhiredis-dev'];

const missing = (names) => [
  ...new Set([...missingBuildPackages(), ...names.filter((name) => !OTHERS[name]())]),
];

function isDebian() {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release) && onPath('apt-get') !== undefined;
}

function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // One source of many may be out of reach; whether that matters is for the installation to say.
  spawnSync('apt-get', ['update'], { env, stdio: 'ignore' });
  quietly(
    'apt-get',
    ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=60', ...packages],
    {
      env,
    },
  );
}

/**
 * Makes sure of the build tools and of these Debian packages. As root on Debian or Ubuntu what is missing is installed
 * (unless `install` is false); elsewhere one line says what to run, and the process ends.
 */
export function ensureTools(names, { install = true } = {}) {
  const absent = missing(names);
  if (absent.length > 0 && install && isDebian() && process.getuid() === 0) {
    step(`Installing ${absent.join(', ')}`, () => aptInstall(absent));
  }
  const needed = names.filter((name) => !OPTIONAL.includes(name));
  if (missing(needed).length === 0) return;
  const stillAbsent = missing(names);
  console.error(`Missing: ${stillAbsent.join(', ')}; ${howToInstall(stillAbsent)}`);
  process.exit(1);
}
