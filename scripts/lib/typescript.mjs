// lib/ -> dist/
import { renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { quietly, root } from './addon.mjs';
import { bundle, VECTORS } from './bundle.mjs';
import { isFresh } from './files.mjs';

export const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** Compiles aside and swaps: a failed or stopped build leaves the old dist/, a good one leaves no orphans in it. */
export function buildTypeScript() {
  const dist = join(root, 'dist');
  const aside = join(root, 'dist.new');
  const started = new Date();
  const names = [
    'lib',
    'migrations',
    VECTORS,
    'scripts/lib/bundle.mjs',
    'scripts/lib/dashboard-page.mjs',
    'tsconfig.json',
    'package.json',
  ];
  const inputs = names.map((name) => join(root, name));
  if (isFresh(dist, inputs)) return;
  rmSync(aside, { recursive: true, force: true });
  try {
    quietly(process.execPath, [tsc, '-p', 'tsconfig.json', '--outDir', aside]);
    bundle(aside);
    // What is edited while the compiler reads counts as newer.
    utimesSync(aside, started, started);
    rmSync(dist, { recursive: true, force: true });
    renameSync(aside, dist);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
