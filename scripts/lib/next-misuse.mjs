// Uses that cannot work: `next build` has to fail with a sentence that says what to do.
import assert from 'node:assert/strict';
import { existsSync, renameSync, writeFileSync } from 'node:fs';

const EDGE = /Module not found: Can't resolve '\.\/spillway-needs-the-nodejs-runtime--/;
const BROWSER = /Module not found: Can't resolve '\.\/spillway-runs-on-the-server-only--/;
const BUNDLED = /Module not found: Can't resolve '\.\/spillway-must-not-be-bundled--use-withSpillway-/;

const CHECKED = "import { checkRateLimit } from 'spillway';\n";
const LIMITED = "import { checkRequest } from 'spillway/next';\n";
const NO_CONFIG = 'export default {};\n';
const PRETEND =
  "Object.defineProperty(process, 'arch', { value: 's390x' });\n" +
  "export default (await import('spillway/next')).withSpillway({});\n";

const BINARY = `node_modules/spillway/prebuilds/${process.platform}-${process.arch}/spillway.node`;

/** What bundlers complain of. */
const COMPLAINT = /Module not found[^\n]*|non-ecmascript[^\n]*|Module parse failed[^\n]*/;

/**
 * What is written where, and what the build must say, `first` before its other complaints. Cases `once` do not depend on
 * the bundler.
 */
const CASES = [
  {
    name: 'a route on the edge runtime',
    files: {
      'app/api/limited/route.ts': `${CHECKED}export const runtime = 'edge';\nexport const GET = () => checkRateLimit('a', 'FREE').then((result) => Response.json(result));\n`,
    },
    says: EDGE,
  },
  {
    name: 'middleware on the edge runtime',
    without: ['proxy.ts'],
    files: {
      'middleware.ts': `${LIMITED}export const middleware = (request: Request) => checkRequest(request, {}).then((decision) => decision.toResponse());\n`,
    },
    says: EDGE,
  },
  {
    name: 'a client component',
    files: {
      'app/form.tsx': `'use client';\n${CHECKED}export const Form = () => <button onClick={() => checkRateLimit('a', 'FREE')}>ask</button>;\n`,
    },
    says: BROWSER,
  },
  {
    name: 'next.config without withSpillway',
    files: { 'next.config.ts': NO_CONFIG },
    says: BUNDLED,
    first: true,
  },
  {
    name: 'a binary that was not installed',
    once: true,
    hidden: 'node_modules/spillway/prebuilds',
    files: {},
    says: /The native part of spillway is not installed for \w+-\w+\. Run "npm rebuild spillway"/,
  },
  {
    name: 'a binary of another system',
    once: true,
    without: [BINARY],
    files: { [BINARY]: 'built for another system' },
    says: /The native part of spillway is installed and cannot be loaded \(.*Run "npm rebuild spillway"/i,
  },
  {
    name: 'a platform without a binary',
    once: true,
    without: ['next.config.ts'],
    files: { 'next.config.mjs': PRETEND },
    says: /spillway has no binary for \w+-s390x; it runs on Linux with glibc and on macOS, x64 and arm64\./,
  },
];

export function misuses(bundler) {
  return CASES.filter(({ once }) => !once || bundler === 'turbopack');
}

/** Builds one case in an app, and puts the app back. */
export function buildMisuse(app, bundler, { files, without = [], hidden, says, first }) {
  const away = [...without, ...(hidden === undefined ? [] : [hidden])].filter((name) =>
    existsSync(app.path(name)),
  );
  for (const name of away) renameSync(app.path(name), app.path(`${name}.away`));
  const own = Object.keys(files).filter((name) => name === 'middleware.ts' && existsSync(app.path(name)));
  for (const name of own) renameSync(app.path(name), app.path(`${name}.away`));
  for (const [name, text] of Object.entries(files)) writeFileSync(app.path(name), text);
  try {
    const { good, said } = app.build(bundler);
    assert.ok(!good, 'The build succeeded.');
    assert.match(said, says);
    if (first) assert.match(COMPLAINT.exec(said)[0], says);
  } finally {
    for (const name of Object.keys(files)) app.restore(name);
    for (const name of [...away, ...own]) renameSync(app.path(`${name}.away`), app.path(name));
  }
}
