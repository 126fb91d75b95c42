/** The schema of configuration files, and who reads them, agree. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv from 'ajv';
import { SERVE } from '../../lib/base/config-files';
import { loadConfig } from '../../lib/limiter/config-file';
import { RULE_OPTIONS } from '../../lib/rules/compile';

const SCHEMAS = join(__dirname, '../../schema');
const schemaOf = (name: string) => JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8')) as object;
const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true });
ajv.addSchema(schemaOf('rules.schema.json'), 'rules.schema.json');
const isValid = ajv.compile(schemaOf('config.schema.json'));
const DIGEST = 'aB'.repeat(32);

const GOOD: object[] = [
  { rate: '5/s' },
  {
    $schema: './x.json',
    plans: { FREE: 'login' },
    rules: [{ id: 'a', match: '/a/*', rate: '1/s' }],
    bypass: '/x',
  },
  { rate: '5/s', prefix: 'shop:', timeoutMs: 1, share: 3, headers: 'both', analytics: false, logger: false },
  {
    rate: '5/s',
    failureMode: 'memory',
    access: { deny: ['ip:10.0.0.0/8'] },
    missing: 'skip',
    nearLimit: 0.5,
  },
  { rate: '5/s', redis: 'rediss://localhost:6379' },
  {
    rate: '5/s',
    redis: { url: 'redis://localhost', password: 'x', db: 2, cluster: false, connectTimeoutMs: 9 },
  },
  {
    rate: '5/s',
    redis: { host: 'localhost', tls: true, breaker: { failures: 1, openMs: 1, factor: 1, maxOpenMs: 1 } },
  },
  { rate: '5/s', redis: { path: '/run/redis.sock' } },
  {
    rate: '5/s',
    redis: { sentinels: { name: 'main', nodes: [{ host: 'a', port: 1 }], password: 'x' }, db: 1 },
  },
  { rate: '5/s', redis: { cluster: [{ host: '10.0.0.1' }], db: 0, tls: { rejectUnauthorized: false } } },
  { rate: '5/s', serve: {} },
  {
    rate: '5/s',
    serve: {
      ...{ host: '::1', port: 0, keys: [{ name: 'web.1', sha256: DIGEST }], trustedProxies: ['10.0.0.0/8'] },
      ...{ maxWaiting: 1, drainMs: 0, stopMs: 100 },
    },
  },
];

const BAD: object[] = [
  {},
  { redis: 'redis://localhost' },
  { rate: '5/s', plans: { FREE: '5/s' } },
  { rate: '5/s', rates: '5/s' },
  { rate: '5/s', prefix: '{a}' },
  { rate: '5/s', prefix: '' },
  { rate: '5/s', timeoutMs: 0 },
  { rate: '5/s', share: 0 },
  { rate: '5/s', headers: 'all' },
  { rate: '5/s', analytics: 'yes' },
  { rate: '5/s', logger: true },
  { rate: '5/s', store: {} },
  { rate: '5/s', redis: 5 },
  { rate: '5/s', redis: {} },
  { rate: '5/s', redis: { host: 'a', prt: 1 } },
  { rate: '5/s', redis: { host: 'a', port: 0 } },
  { rate: '5/s', redis: { cluster: [] } },
  { rate: '5/s', redis: { cluster: [{ host: 'a' }], db: 1 } },
  { rate: '5/s', redis: { sentinels: { nodes: [{ host: 'a' }] } } },
  { rate: '5/s', redis: { url: 'redis://a', tls: 'yes' } },
  { rate: '5/s', redis: { url: 'redis://a', breaker: { failures: 0 } } },
  ...[
    [],
    { prot: 1 },
    { host: 'http://a' },
    { port: 65_536 },
    { keys: {} },
    { keys: [{ name: 'a' }] },
    { keys: [{ name: 'a b', sha256: DIGEST }] },
    { keys: [{ name: 'a', sha256: 'secret' }] },
    { keys: [{ name: 'a', sha256: DIGEST, key: 'x' }] },
    { trustedProxies: -1 },
    { maxWaiting: 0 },
    { drainMs: -1 },
    { stopMs: 99 },
  ].map((serve) => ({ rate: '5/s', serve })),
];

const folder = mkdtempSync(join(tmpdir(), 'spillway-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(content: object): Promise<object> {
  const file = join(folder, 'spillway.config.json');
  writeFileSync(file, JSON.stringify(content));
  const options = await loadConfig(file);
  // The service reads it by way of the package, which unit tests have as source.
  const { readServe } = await import('../../lib/serve/options');
  readServe((options as { [SERVE]?: unknown })[SERVE]);
  return options;
}

test.each(GOOD.map((content) => [JSON.stringify(content), content]))(
  '%s is taken by both',
  async (_, content) => {
    expect([isValid(content), isValid.errors]).toEqual([true, null]);
    const options = await read(content);
    expect(Object.keys(options)).not.toContain('serve');
    expect(Object.keys(options)).not.toContain('$schema');
  },
);

test.each(BAD.map((content) => [JSON.stringify(content), content]))(
  '%s is refused by both',
  async (_, content) => {
    expect(isValid(content)).toBe(false);
    await expect(read(content)).rejects.toThrow();
  },
);

test('what a limiter is told of rules, a file may say', () => {
  const { properties } = schemaOf('config.schema.json') as { properties: object };
  expect(Object.keys(properties)).toEqual(expect.arrayContaining([...RULE_OPTIONS]));
});
