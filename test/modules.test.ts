/** The package from outside: import and require give one and the same, with types, and nothing but its surface. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportsOf, ROOT, runScript } from './support/process';
import { RedisServer } from './support/redis';

const SYNC = [
  ...['RATE_LIMITS', 'RateLimitError', 'applyRateLimit', 'checkRateLimit', 'closeRedisConnection'],
  ...['configureRateLimit', 'createRateLimitExceededResponse', 'createRateLimitHeaders'],
  ...['getAllRateLimits', 'getRateLimitStatus', 'isRedisHealthy', 'resetRateLimit'],
];
const ASYNC = [
  ...SYNC,
  ...[
    'TIERS',
    'clientIp',
    'auditFile',
    'createRateLimiter',
    'sharedRules',
    'customStore',
    'failoverStore',
    'loadConfig',
    'loadRules',
    'memoryStore',
    'redisStore',
    'namedRate',
    'namedRates',
    'parseRate',
    'rateLimitHeaders',
  ],
  'subjectOf',
].sort();
const STORE = ['casStore', 'customStore', 'step', 'stepAll', 'stepBlock', 'stepRefund'];
const POSTGRES = ['migrate', 'postgresStore'];
const MYSQL = ['migrate', 'mysqlStore'];
const SQLITE = ['sqliteStore'];
const MONGODB = ['migrate', 'mongoStore'];
const PROMETHEUS = ['registerMetrics'];
const OPENTELEMETRY = ['observeMetrics', 'traceChecks'];
const MONITORING = ['createMonitoringRoutes'];
const DASHBOARD = ['createDashboard'];
const TESTING = ['conformanceCases', 'storeConformance'];

test('import and require give the same functions, and no others', async () => {
  const script = `
    import * as imported from 'spillway';
    import * as importedSync from 'spillway/memory';
    import * as importedStore from 'spillway/store';
    import * as importedPostgres from 'spillway/postgres';
    import * as importedMysql from 'spillway/mysql';
    import * as importedSqlite from 'spillway/sqlite';
    import * as importedMongodb from 'spillway/mongodb';
    import * as importedPrometheus from 'spillway/prometheus';
    import * as importedOpentelemetry from 'spillway/opentelemetry';
    import * as importedMonitoring from 'spillway/monitoring';
    import * as importedDashboard from 'spillway/dashboard';
    import * as importedTesting from 'spillway/testing';
    import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/here.js');
    // What node and the compiler add for each other's sake.
    const names = (module) => Object.keys(module).filter((name) => !/^(default|module.exports|__esModule)$/.test(name));
    for (const [esm, cjs] of [
      [imported, require('spillway')],
      [importedSync, require('spillway/memory')],
      [importedStore, require('spillway/store')],
      [importedPostgres, require('spillway/postgres')],
      [importedMysql, require('spillway/mysql')],
      [importedSqlite, require('spillway/sqlite')],
      [importedMongodb, require('spillway/mongodb')],
      [importedPrometheus, require('spillway/prometheus')],
      [importedOpentelemetry, require('spillway/opentelemetry')],
      [importedMonitoring, require('spillway/monitoring')],
      [importedDashboard, require('spillway/dashboard')],
      [importedTesting, require('spillway/testing')],
    ]) {
      report(names(esm).sort());
      report(names(cjs).sort());
      report(names(cjs).every((name) => esm[name] === cjs[name]));
    }
    report(require('spillway/store').customStore === require('spillway').customStore);`;
  const reports = await reportsOf(script, { type: 'module' });
  const stores = [STORE, POSTGRES, MYSQL, SQLITE, MONGODB];
  const surfaces = [
    ASYNC,
    SYNC,
    ...stores,
    PROMETHEUS,
    OPENTELEMETRY,
    MONITORING,
    DASHBOARD,
    TESTING,
  ].flatMap((names) => [names, names, true]);
  expect(reports).toEqual([...surfaces, true]);
});

test('named imports, a default import and require count in one place', async () => {
  const server = await RedisServer.start();
  try {
    const script = `
      import { checkRateLimit, RateLimitError } from 'spillway';
      import { createRequire } from 'node:module';
      const cjs = createRequire(process.cwd() + '/here.js')('spillway');
      const remaining = async (api) => (await api.checkRateLimit('org', 'FREE')).remaining;
      report([await remaining({ checkRateLimit }), await remaining(cjs), await remaining(await import('spillway'))]);
      report(await cjs.checkRateLimit('org', 'GOLD').catch((reason) => reason instanceof RateLimitError));`;
    const env = { REDIS_URL: server.url };
    expect(await reportsOf(script, { type: 'module', env })).toEqual([[99, 98, 97], true]);
    const clients = String(await server.command('INFO', 'stats'));
    // The test's own connection, and one for all of these.
    expect(clients).toMatch(/total_connections_received:2\r/);
  } finally {
    await server.close();
  }
});

test('every path in package.json is there, types included', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  const paths: string[] = [];
  const collect = (node: unknown): void => {
    if (typeof node === 'string') paths.push(node);
    else Object.values(node as object).forEach(collect);
  };
  collect([manifest.main, manifest.module, manifest.types, manifest.exports]);
  expect(paths.length).toBeGreaterThan(10);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(paths.filter((path) => /\.d\.m?ts$/.test(path)).length).toBeGreaterThanOrEqual(4);
});

test('what is not exported cannot be reached', async () => {
  for (const path of ['spillway/dist/native.js', 'spillway/lib/native', 'spillway/prebuilds']) {
    const script = `import(${JSON.stringify(path)}).catch((reason) => report(reason.code));`;
    expect(await reportsOf(script)).toEqual(['ERR_PACKAGE_PATH_NOT_EXPORTED']);
  }
  expect(await reportsOf(`report(require('spillway/package.json').name);`)).toEqual(['spillway']);
});

test('importing loads no native code, so it works where there is none', async () => {
  const script = `
    const { dlopen } = process;
    let loaded = 0;
    process.dlopen = (...args) => (loaded++, dlopen.apply(process, args));
    const { checkRateLimit, createRateLimiter } = require('spillway');
    require('spillway/memory');
    createRateLimiter({ rate: '5/m' });
    report(loaded);
    checkRateLimit('org', 'FREE').then(() => report(loaded));`;
  expect(await reportsOf(script)).toEqual([0, 1]);
});

test('the conformance suite, and no application, loads its cases', async () => {
  const script = `
    require('spillway/store');
    const loaded = () => Object.keys(require.cache).map((file) => file.replace(/.*[/]dist[/]/, ''));
    report(loaded());
    require('spillway/testing');
    report(loaded());`;
  const [before, after] = (await reportsOf<string[]>(script)) as [string[], string[]];
  expect(before).toEqual(['store/index.js', 'spillway.js']);
  expect(after.slice(2).sort()).toEqual(['index.js', 'testing/index.js', 'testing/vectors.json']);
});

test('a process that limits by key loads three files, and of node hardly more than is there anyway', async () => {
  const script = `
    const Module = require('node:module');
    const { _load } = Module;
    const asked = [];
    Module._load = (name, ...rest) => (asked.push(name.replace(/.*[/]/, '')), _load(name, ...rest));
    const { checkRateLimit } = require('spillway');
    checkRateLimit('org', 'FREE').then(() => report([...new Set(asked)]));`;
  expect(await reportsOf(script)).toEqual([
    ['spillway', 'spillway.js', 'node:diagnostics_channel', 'node:fs', 'node:path', 'spillway.node'],
  ]);
});

test('nothing is written to the console', async () => {
  const script = `require('spillway').checkRateLimit('org', 'FREE').then(({ allowed }) => { process.exitCode = allowed ? 0 : 1; });`;
  expect(await runScript(script)).toMatchObject({ code: 0, stdout: '', stderr: '' });
});
