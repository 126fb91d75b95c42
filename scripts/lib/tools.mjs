// Programs and libraries of the system: looked for, and installed where that is ours to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasHeader, howToInstall, missingBuildPackages, onPath, quietly } from './addon.mjs';
import { step } from './steps.mjs';

const OTHERS = {
  'libhiredis-dev': () => hasHeader('hiredis/read.h'),
  'libuv1-dev': () => hasHeader('uv.h'),
  'libgtest-dev': () => hasHeader('gtest/gtest.h'),
  'nlohmann-json3-dev': () => hasHeader('nlohmann/json.hpp'),
  'redis-server': () => onPath('redis-server'),
  postgresql: () => onPath('initdb') ?? existsSync('/usr/lib/postgresql'),
  pgbouncer: () => onPath('pgbouncer') ?? existsSync('/usr/sbin/pgbouncer'),
  'mariadb-server': () => onPath('mariadbd') ?? existsSync('/usr/sbin/mariadbd'),
  // It brings promtool.
  prometheus: () => onPath('prometheus') && onPath('promtool'),
  // What node-gyp is written in, which compiles better-sqlite3.
  python3: () => onPath('python3'),
  chromium: () => onPath('chromium'),
  'nginx-light': () => onPath('nginx') ?? existsSync('/usr/sbin/nginx'),
  curl: () => onPath('curl'),
  // Where there is none, nobody reads its units.
  systemd: () => process.platform === 'darwin' || onPath('systemd-analyze'),
  'nghttp2-client': () => onPath('h2load'),
  openssl: () => onPath('openssl'),
  clang: () => onPath('clang++'),
  'libclang-rt-14-dev': hasLibFuzzer,
  'clang-format': () => onPath('clang-format'),
  'clang-tidy': () => onPath('clang-tidy'),
};

/** Whether the clang that is there brings libFuzzer's runtime. */
function hasLibFuzzer() {
  const asked = spawnSync('clang++', ['-print-resource-dir'], { encoding: 'utf8' });
  const folder = join((asked.stdout ?? '').trim(), 'lib');
  if (asked.status !== 0 || !existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true }).some((name) => /clang_rt\.fuzzer.*\.a$/.test(name));
}

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
    ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=600', ...packages],
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
