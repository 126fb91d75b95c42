// Builds the addon with plain CMake. Shipped in the package: it runs where no ready binary fits.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const platform = `${process.platform}-${process.arch}`;
const require = createRequire(import.meta.url);

/** The full path of a program on PATH, or undefined. */
export function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/** The folder of Node's headers, or undefined. uv.h is asked for too: some distributions ship only half of them. */
export function nodeHeaders() {
  return [process.env.npm_config_nodedir && join(process.env.npm_config_nodedir, 'include/node')]
    .concat(join(dirname(process.execPath), '../include/node'), '/usr/include/node')
    .find((folder) => folder && existsSync(join(folder, 'uv.h')) && existsSync(join(folder, 'node_api.h')));
}

function hasCompiler() {
  return [process.env.CXX, 'c++', 'g++', 'clang++'].some((name) => {
    if (!name) return false;
    const probe = ['-std=c++17', '-fsyntax-only', '-x', 'c++', '/dev/null'];
    return spawnSync(name, probe, { stdio: 'ignore' }).status === 0;
  });
}

/** True when a header of the system's own packages is there. */
export function hasHeader(name) {
  return ['/usr', '/usr/local', '/opt/homebrew'].some((prefix) => existsSync(`${prefix}/include/${name}`));
}

/** Node's own headers hold OpenSSL's; where Node is linked with the system's, they are the system's. */
const hasOpenSsl = () =>
  existsSync(join(nodeHeaders() ?? '/', 'openssl/ssl.h')) || hasHeader('openssl/ssl.h');
const hasHiredis = () => hasHeader('hiredis/read.h');

/** The Debian packages that hold what the build lacks; empty when it can start. */
export function missingBuildPackages() {
  const missing = [];
  if (!hasCompiler()) missing.push('g++');
  if (!onPath('cmake')) missing.push('cmake');
  if (!onPath('make') && !onPath('ninja')) missing.push('make');
  if (!nodeHeaders()) missing.push('libnode-dev');
  if (!hasOpenSsl()) missing.push('libssl-dev');
  // CMake fetches hiredis where it is not installed, and needs git for that.
  if (!hasHiredis() && !onPath('git')) missing.push('libhiredis-dev');
  return missing;
}

/** What Homebrew calls the packages that Debian calls otherwise; g++ and make come with Xcode's tools. */
const HOMEBREW = {
  'g++': '',
  make: '',
  'libnode-dev': 'node',
  'libhiredis-dev': 'hiredis',
  'libssl-dev': 'openssl',
  'libuv1-dev': 'libuv',
  'libgtest-dev': 'googletest',
  'nlohmann-json3-dev': 'nlohmann-json',
  'redis-server': 'redis',
  'nginx-light': 'nginx',
  'nghttp2-client': 'nghttp2',
  clang: 'llvm',
  'libclang-rt-14-dev': 'llvm',
  'clang-tidy': 'llvm',
};

/** How to install these Debian packages, or their counterparts, in one line. */
export function howToInstall(packages) {
  if (process.platform === 'darwin') {
    const formulas = packages.map((name) => HOMEBREW[name] ?? name).filter((name) => name !== '');
    const xcode = formulas.length < packages.length ? ['xcode-select --install'] : [];
    const brew = formulas.length > 0 ? [`brew install ${formulas.join(' ')}`] : [];
    return `run: ${[...xcode, ...brew].join(' && ')}`;
  }
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  return `on Debian or Ubuntu run: ${sudo}apt-get install -y ${packages.join(' ')}`;
}

/** Runs a command silently. Throws when it fails, with all that it said. */
export function quietly(command, args, options = {}) {
  const ran = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (ran.status === 0) return;
  const said = `${ran.stdout ?? ''}${ran.stderr ?? ''}${ran.error?.message ?? ''}`;
  throw new Error(`${said}\n\`${[command, ...args].join(' ')}\` failed.`);
}

/** Configures `folder` when it is new or its settings changed, then builds: what is up to date costs a moment. */
export function cmake(folder, settings, targets = []) {
  const configure = ['-S', root, '-B', folder, ...settings.map((setting) => `-D${setting}`)];
  const wanted = configure.join('\n');
  const stamp = join(folder, 'configured-with');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    quietly('cmake', configure);
    mkdirSync(folder, { recursive: true });
    writeFileSync(stamp, wanted);
  }
  quietly('cmake', ['--build', folder, '--parallel', String(availableParallelism()), ...targets]);
}

/** Brings prebuilds/<platform>-<arch>/spillway.node up to date. Throws a sentence that says what is missing. */
export function buildAddon() {
  const missing = missingBuildPackages();
  if (missing.length > 0) {
    throw new Error(
      `Building spillway for ${platform} needs ${missing.join(', ')}; ${howToInstall(missing)}`,
    );
  }
  const sanitize = process.env.SPILLWAY_SANITIZE === '1';
  const folder = join(root, 'build/release');
  try {
    cmake(folder, [
      `CMAKE_BUILD_TYPE=${sanitize ? 'Debug' : 'Release'}`,
      `SPILLWAY_SANITIZE=${sanitize ? 'ON' : 'OFF'}`,
      `SPILLWAY_NODE_INCLUDE=${nodeHeaders()}`,
      `SPILLWAY_NODE_ADDON_API=${dirname(require.resolve('node-addon-api/package.json'))}`,
      `SPILLWAY_OUTPUT_DIR=${join(root, 'prebuilds', platform)}`,
    ]);
  } catch (error) {
    if (hasHiredis() || existsSync(join(folder, '_deps/hiredis-src/read.c'))) throw error;
    throw new Error(
      `Building spillway needs hiredis, which could not be fetched; ${howToInstall(['libhiredis-dev'])}`,
    );
  }
}

/** True when the binary that lies in prebuilds/ loads in this very process. */
export function binaryLoads() {
  try {
    require(join(root, 'prebuilds', platform, 'spillway.node'));
    return true;
  } catch {
    return false;
  }
}
