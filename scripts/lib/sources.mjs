// The repository's own files.
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './addon.mjs';

const GENERATED = ['.git', '.next', 'build', 'coverage', 'dist', 'dist.new', 'node_modules', 'prebuilds'];
const SCRIPTS = /\.(ts|tsx|mts|cts|js|mjs|cjs|css)$/;
const CPP = /^(src|binding|fuzz|test\/core|bench)\/.*\.(cpp|h)$/;

/** True for what is made from the sources or fetched; works without git, and so in a copy too. */
export const isGenerated = (name) => GENERATED.includes(name) || name === 'next-env.d.ts';

function list(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !isGenerated(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? list(path) : [relative(root, path)];
    });
}

export const scriptFiles = () => list(root).filter((name) => SCRIPTS.test(name));
export const cppFiles = () => list(root).filter((name) => CPP.test(name));
