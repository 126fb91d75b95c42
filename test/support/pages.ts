import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './process';

/** A block of code on a page of the documentation. */
export interface Block {
  /** `docs/rules.md:12`: where its first line stands. */
  readonly place: string;
  /** `docs/rules.md`. */
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

/** Every page that shows code: the README and docs. */
export const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];

/** A fence, its indentation, its language and what stands in it. */
const BLOCK = /^( *)```(\w*)\n([^]*?)^ *```$/gm;

export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(BLOCK)].map(({ index, 1: indent, 2: language, 3: code }) => {
    const line = text.slice(0, index).split('\n').length + 1;
    const lines = code!.split('\n').map((one) => one.slice(indent!.length));
    return { page, line, place: `${page}:${line}`, language: language!, code: lines.join('\n') };
  });
}
