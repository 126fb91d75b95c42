// What has to be there before the first measurement: the peers' packages and the built package.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

export function peerVersions() {
  const version = (file) => JSON.parse(readFileSync(here(file), 'utf8')).version;
  const peers = PEER_PACKAGES.map((name) => [name, version(`node_modules/${name}/package.json`)]);
  return { spillway: version('../package.json'), ...Object.fromEntries(peers) };
}
