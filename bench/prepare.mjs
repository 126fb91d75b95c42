// What has to be there before the first measurement: the peers' packages and the built package.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { here } from './children.mjs';

const PEER_PACKAGES = ['ioredis', 'redis', 'rate-limiter-flexible', 'rate-limit-redis'];

/** Installs what the lockfile of bench/ names, unless that was done for this very lockfile. */
export function installPeers(say) {
  const hash = createHash('sha256')
    .update(readFileSync(here('package-lock.json')))
    .digest('hex');
  const stamp = here('node_modules/.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  say('installing the peers');
  // npm's own output would end up in the report.
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: here('.'), stdio: ['ignore', 2, 2] });
  writeFileSync(stamp, hash);
}

/** Builds the package where it is not built; one that is built is measured as it stands. */
export function buildPackage(say) {
  const binary = here(`../prebuilds/${process.platform}-${process.arch}/spillway.node`);
  if (existsSync(binary) && existsSync(here('../dist/index.js'))) return;
  say('building spillway');
  const build = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: here('..'),
    stdio: ['ignore', 2, 2],
  });
  if (build.status === 0) return;
  console.error(
    'The package cannot be built, so there is nothing to measure. What the build says stands above.',
  );
  process.exit(1);
}

/**
 * A copy of what is built, in a temporary folder that goes with this process: a build that is made during the run
 * would otherwise be measured in some rounds and not in others. Gives the folder and a digest of the binary.
 */
export function snapshotPackage() {
  const dir = mkdtempSync(join(tmpdir(), 'spillway-built-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const part of ['package.json', 'dist', 'prebuilds'])
    cpSync(here(`../${part}`), join(dir, part), { recursive: true });
  // Its dependencies, where an installed package would find them.
  symlinkSync(here('../node_modules'), join(dir, 'node_modules'));
  const binary = readFileSync(join(dir, `prebuilds/${process.platform}-${process.arch}/spillway.node`));
  return { dir, digest: createHash('sha256').update(binary).digest('hex').slice(0, 12) };
}

export function peerVersions() {
  const version = (file) => JSON.parse(readFileSync(here(file), 'utf8')).version;
  const peers = PEER_PACKAGES.map((name) => [name, version(`node_modules/${name}/package.json`)]);
  return { spillway: version('../package.json'), ...Object.fromEntries(peers) };
}
