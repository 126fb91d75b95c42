// npm packages and tarballs.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { quietly, root } from './addon.mjs';
import { isFresh } from './files.mjs';

const QUIET = ['--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];

/** True when every package of the lock file that is not optional is installed in the locked version. */
export function isInstalled(folder, except = []) {
  const hidden = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(
    ([path, { version, optional }]) =>
      path === '' || optional || except.includes(path) || installed[path]?.version === version,
  );
}

/** `npm ci` in the repository. Without install scripts: the only one that matters is our own, and the build follows. */
export function installRootPackages() {
  quietly('npm', ['ci', ...QUIET]);
}

/** The tarball as npm would publish it. Needs a build. */
export function pack() {
  const folder = join(root, 'build/package');
  const { version, files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const tarball = join(folder, `spillway-${version}.tgz`);
  const inputs = [...files, 'package.json', 'README.md', 'LICENSE'].map((name) => join(root, name));
  if (!isFresh(tarball, inputs)) {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    quietly('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder]);
  }
  return tarball;
}

/**
 * Installs a folder's locked packages with spillway from the tarball: the version that its package.json asks for may not be
 * published yet. `--no-save` leaves the lock file as it is, and one command does both, so npm never asks the registry for it.
 */
export function installWithTarball(folder, tarball) {
  const stamp = join(folder, 'node_modules/.spillway-tarball');
  const hash = createHash('sha256').update(readFileSync(tarball)).digest('hex');
  const same = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  if (same && isInstalled(folder, ['node_modules/spillway'])) return;
  quietly('npm', ['install', '--no-save', ...QUIET, tarball], { cwd: folder });
  writeFileSync(stamp, hash);
}
