/** examples/deploy/.env.example and docs/environment.md: what is read stands there, and what stands there is read. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { namedRates } from 'spillway';
import ts from 'typescript';
import { DEPLOY } from './support/compose';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';

const own = owner();

/** Set by somebody else than who deploys, and why they are read. */
const NOT_SET_BY_HAND: Record<string, string> = {
  NODE_ENV: 'Next.js and Docker set it; in production a forgotten REDIS_URL is said',
  NEXT_PHASE: 'Next.js tells a build from a server by it',
  NEXT_OUTPUT: 'the Dockerfile sets it for the build',
  NEXT_RUNTIME: 'Next.js tells its runtimes apart by it',
  NODE_OPTIONS: 'read for --use-openssl-ca, as Node itself does',
  NO_COLOR: 'a convention of terminals',
  VITEST: 'which runner plays the conformance suite',
  JEST_WORKER_ID: 'the same',
};

/** In the file, and read by others than the sources that are searched here. */
const READ_BY_OTHERS = ['HOSTNAME', 'SPILLWAY_API_KEYS'];

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|tsx|mjs)$/.test(name) && !/(^|\/)(node_modules|\.next)\//.test(name))
    .map((name) => join(ROOT, folder, name));
}

/** Names of variables that a source reads: of process.env, or by the two functions of lib/base/environment.ts. */
function readIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const isEnv = (node: ts.Node | undefined) => node?.getText(source) === 'process.env';
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && isEnv(node.expression)) found.push(node.name.text);
    if (ts.isElementAccessExpression(node) && isEnv(node.expression)) {
      if (ts.isStringLiteral(node.argumentExpression)) found.push(node.argumentExpression.text);
    }
    if (ts.isVariableDeclaration(node) && isEnv(node.initializer) && ts.isObjectBindingPattern(node.name)) {
      for (const { propertyName, name } of node.name.elements)
        found.push((propertyName ?? name).getText(source));
    }
    if (ts.isCallExpression(node) && /^(variable|secret)$/.test(node.expression.getText(source))) {
      const [name] = node.arguments;
      if (name !== undefined && ts.isStringLiteral(name)) found.push(name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const read = [
  ...[...sourcesBelow('lib'), ...sourcesBelow('examples/next-app')].flatMap(readIn),
  ...Object.keys(namedRates({})).map((name) => `RATELIMIT_${name.toUpperCase()}_RATE`),
];
const byHand = [...new Set(read)].filter((name) => !Object.hasOwn(NOT_SET_BY_HAND, name)).sort();

const example = readFileSync(join(DEPLOY, '.env.example'), 'utf8');
const line = /^(?:# )?([A-Z][A-Z_]+)=(.*)$/gm;
const shown = [...example.matchAll(line)].map(([, name = '', value = '']) => ({ name, value }));

test('what is read is found, in each way of reading it', () => {
  expect(byHand).toEqual(
    expect.arrayContaining(['REDIS_URL', 'REDIS_PASSWORD', 'RATELIMIT_ENABLE', 'REDIS_SENTINELS']),
  );
  expect(byHand).toEqual(expect.arrayContaining(['NODE_EXTRA_CA_CERTS', 'ADMIN_PASSWORD']));
  for (const name of Object.keys(NOT_SET_BY_HAND).filter((one) => one !== 'NEXT_RUNTIME'))
    expect(read).toContain(name);
});

test('the file has every variable that is read, and no other', () => {
  expect(shown.map(({ name }) => name).sort()).toEqual([...byHand, ...READ_BY_OTHERS].sort());
});

test('the page has a line for each, and for no other that would be read here', () => {
  const page = readFileSync(join(ROOT, 'docs/environment.md'), 'utf8');
  const [ours = '', theirs = ''] = page.split(/^## What others read/m);
  const rows = (text: string) =>
    [...text.matchAll(/^\| ((?:`[A-Z][A-Z_]+`(?:, )?)+)/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name!),
    );
  expect(new Set(rows(ours))).toEqual(new Set(shown.map(({ name }) => name)));
  expect(rows(theirs)).toEqual(
    expect.arrayContaining(['REDIS_HOST', 'REDIS_PORT', 'REDIS_SENTINEL_HOSTS', 'LOG_LEVEL']),
  );
  expect(rows(theirs).filter((name) => read.includes(name))).toEqual([]);
});

test('its values are good ones, also without the signs in front', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-env-'));
  try {
    const file = join(folder, 'env');
    writeFileSync(file, example.replace(line, '$1=$2'));
    const script = `
      const { namedRates, createRateLimiter, checkRateLimit } = require('spillway');
      const said = [];
      console.warn = console.error = (text) => said.push(text);
      const { REDIS_SENTINELS, REDIS_URL } = process.env;
      const url = new URL(REDIS_URL);
      createRateLimiter({ redis: REDIS_URL, rate: '1/h' });
      console.log(JSON.stringify({ rates: namedRates(), sentinels: REDIS_SENTINELS.split(',').length, host: url.hostname, said }));`;
    // An authority of its file that is not there is nothing that this is about.
    const args = [`--env-file=${file}`, '-e', script];
    const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: '', RATELIMIT_ENABLE: 'true' };
    const printed = JSON.parse(
      execFileSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' }),
    ) as object;
    // As the code has them where nothing is set.
    expect(printed).toEqual({ rates: namedRates({}), sentinels: 3, host: 'redis.example.com', said: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('no two readers take a value for different ones: no quotes, no blanks, nothing behind it', () => {
  for (const { name, value } of shown) {
    expect(`${name} ${/["' #]/.test(value)}`).toBe(`${name} false`);
    expect(value).not.toBe('');
  }
});

test('the command line reads REDIS_URL and REDIS_PASSWORD as the library does', async () => {
  const password = 'hunter 2';
  const server = await own(RedisServer.start({ password }));
  const env = {
    ...process.env,
    REDIS_URL: `"redis://127.0.0.1:${server.port}"\n`,
    REDIS_PASSWORD: `${password}\n`,
  };
  const cli = join(ROOT, 'dist/cli/bin.js');
  const { status, stdout } = spawnSync(process.execPath, [cli, 'health'], { env, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^healthy {2}redis/) });
});
