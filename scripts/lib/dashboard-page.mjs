// The page of spillway/dashboard: markup, style and script in one text, with the hashes that its Content-Security-Policy names.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './addon.mjs';

const require = createRequire(import.meta.url);
const folder = join(root, 'lib/dashboard/page');

/** Writes it to `file`. */
export function buildPage(file) {
  const style = built('css', `@import "uplot/dist/uPlot.min.css"; @import "./page.css";`);
  const script = built('ts', `import './main';`);
  const html = readFileSync(join(folder, 'page.html'), 'utf8')
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('<script></script>', () => `<script>${script}</script>`);
  writeFileSync(file, JSON.stringify({ html, script: hashOf(script), style: hashOf(style) }));
}

function built(loader, contents) {
  // Loaded here: scripts start before the packages are installed.
  const { outputFiles } = require('esbuild').buildSync({
    stdin: { contents, loader, resolveDir: folder },
    bundle: true,
    minify: true,
    write: false,
    format: loader === 'ts' ? 'iife' : undefined,
    target: loader === 'ts' ? 'es2022' : undefined,
    // The licence of what is in it.
    legalComments: 'inline',
    logLevel: 'warning',
  });
  const text = outputFiles[0].text;
  if (/<\/(script|style)/i.test(text)) throw new Error('The page would end within its own script or style.');
  return text;
}

const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
