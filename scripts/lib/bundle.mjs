// Puts the modules of lib/ into one file. Node takes about a quarter of a millisecond to find, read and compile each file,
// and an application's start waits for all of them.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './addon.mjs';
import { buildPage } from './dashboard-page.mjs';

const require = createRequire(import.meta.url);
const BUNDLE = 'spillway.js';
/** They ask through the entry, as everybody does, and are no part of what an application loads. */
const SUITE = 'testing/index.js';
const COMMAND = 'cli/bin.js';

/** Where the sequences are that all stores are tested by. */
export const VECTORS = 'test/vectors';
const SEQUENCES = {
  'fixed-window': ['fixed-window', 'fixed-window-operations'],
  'sliding-window': ['sliding-window'],
  'sliding-log': ['sliding-log'],
  'token-bucket': ['token-bucket'],
};

/**
 * Replaces the compiler's JavaScript in `folder` by one bundle, and each file that package.json exports to `require` by
 * a line that takes its part of it. Modules run at the first use of an entry that needs them, once for all entries.
 */
export function bundle(folder) {
  const entries = exported()
    .filter((file) => file !== SUITE)
    .map((file) => ({ file, module: `./lib/${file.replace(/js$/, 'ts')}` }));
  const parts = entries.map(({ file, module }) => `exports['${file}'] = () => require('${module}');`);
  // Loaded here: scripts start before the packages are installed.
  require('esbuild').buildSync({
    stdin: { contents: parts.join('\n'), resolveDir: root },
    outfile: join(folder, BUNDLE),
    bundle: true,
    platform: 'node',
    target: 'node20',
    packages: 'external',
    loader: { '.sql': 'text' },
    // The binary, and the name that tells a bundler's user what is wrong (lib/binary.ts), in a function that nobody calls.
    external: ['*.node', './spillway-must-not-be-bundled*', './dashboard/page.json'],
    treeShaking: false,
    logLevel: 'warning',
  });
  for (const file of readdirSync(folder, { recursive: true })) {
    if (file.endsWith('.js') && file !== BUNDLE) rmSync(join(folder, file));
  }
  const all = require(join(folder, BUNDLE));
  bundleApart(folder, SUITE, ['./vectors.json']);
  bundleApart(
    folder,
    COMMAND,
    ['testing', 'monitoring', 'dashboard', 'prometheus'].map((name) => `../${name}/index`),
  );
  buildPage(join(folder, 'dashboard/page.json'));
  writeVectors(folder);
  for (const { file } of entries) {
    const up = '../'.repeat(file.split('/').length - 1) || './';
    // Never run; node reads off it what `import` may name.
    const names = `0 && (module.exports = { ${Object.keys(all[file]()).join(', ')} });`;
    writeFileSync(
      join(folder, file),
      `'use strict';\nmodule.exports = require('${up}${BUNDLE}')['${file}']();\n${names}\n`,
    );
  }
}

function bundleApart(folder, file, external = []) {
  require('esbuild').buildSync({
    entryPoints: [join(root, 'lib', file.replace(/js$/, 'ts'))],
    outfile: join(folder, file),
    bundle: true,
    platform: 'node',
    target: 'node20',
    packages: 'external',
    external: ['../index', ...external],
    logLevel: 'warning',
  });
}

/** The sequences that the conformance suite plays. */
function writeVectors(folder) {
  const fileOf = (name) => join(root, VECTORS, `${name}.json`);
  const vectors = {};
  for (const [algorithm, names] of Object.entries(SEQUENCES)) {
    const all = names.flatMap((name) => JSON.parse(readFileSync(fileOf(name), 'utf8')));
    // Not every clock can be moved back.
    vectors[algorithm] = all.filter(({ clock }) => clock === undefined);
  }
  writeFileSync(join(folder, 'testing/vectors.json'), JSON.stringify(vectors));
}

/** What package.json exports to `require`, as paths in dist/. */
function exported() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports)
    .map((target) => target.require?.default)
    .filter((file) => file?.startsWith('./dist/'))
    .map((file) => file.slice('./dist/'.length));
}
