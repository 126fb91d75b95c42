// spillway in apps of Next.js, from the packed tarball in an empty folder: every place where a request arrives, hot
// reloads, uses that must fail with a sentence, and the migration of an app by the guide.
//   node scripts/check-next.mjs        a subset that covers each pair of bundler and runner, and both versions
//   node scripts/check-next.mjs --all [words]  those of the following whose titles hold every word:
//                                      {15.5, 16} x {turbopack, webpack} x {start, standalone, dev} x {npm, pnpm}
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { NextApp, VERSIONS } from './lib/next-app.mjs';
import { askFleet } from './lib/next-fleet.mjs';
import { migrationChecks } from './lib/next-migration.mjs';
import { buildMisuse, misuses } from './lib/next-misuse.mjs';
import { askPlaces, editManyTimes } from './lib/next-places.mjs';
import { pack } from './lib/packages.mjs';
import { prepare } from './lib/prepare.mjs';
import { ownRedis } from './lib/redis.mjs';
import { check, close } from './lib/tally.mjs';

const EDITS = 50;
const BUNDLERS = ['turbopack', 'webpack'];
const RUNNERS = ['start', 'standalone', 'dev'];

/** Apps to install, and how each is built and run. */
const SUBSET = [
  {
    version: '16',
    manager: 'npm',
    runs: ['turbopack start', 'webpack standalone', 'turbopack dev'],
    wrong: 'turbopack',
  },
  {
    version: '15.5',
    manager: 'pnpm',
    runs: ['webpack start', 'turbopack standalone', 'webpack dev'],
    wrong: 'webpack',
  },
];
const everyRun = BUNDLERS.flatMap((bundler) => RUNNERS.map((runner) => `${bundler} ${runner}`));
const ALL = Object.keys(VERSIONS).flatMap((version) =>
  ['npm', 'pnpm'].map((manager) => ({
    version,
    manager,
    runs: everyRun,
    wrong: manager === 'npm' ? 'both' : '',
  })),
);

/** The build that also runs in several processes. */
const FLEET = { title: 'Next.js 16, npm', run: 'turbopack start' };

const [argument, ...words] = process.argv.slice(2);
if (argument !== undefined && argument !== '--all') {
  console.error(`Unknown argument ${argument}. Use --all.`);
  process.exit(1);
}
const isAsked = (title) => words.every((word) => title.includes(word));

prepare(['libhiredis-dev', 'redis-server', 'chromium', 'nginx-light']);
const tarball = pack();
const redis = await ownRedis();
const env = { REDIS_URL: redis.url };

for (const { version, manager, runs, wrong } of argument === '--all' ? ALL : SUBSET) {
  const title = `Next.js ${version}, ${manager}`;
  await inApp([version, manager], title, [
    ...runs.flatMap((run) => checksOfRun(title, run)),
    ...refusals(wrong),
  ]);
}
await inApp(['15.5', 'pnpm', 'crm'], 'Next.js 15.5, migration', migrationChecks(redis));
close();
process.exit();

/** Installs an app where one of its checks is asked for, and runs those. */
async function inApp([version, manager, fixture], title, checks) {
  const asked = checks.map(([name, work]) => [`${title}, ${name}`, work]).filter(([name]) => isAsked(name));
  if (asked.length === 0) return;
  let app;
  await check(`${title}: installs`, () => {
    app = new NextApp(version, manager, tarball, fixture);
  });
  if (app === undefined) return;
  for (const [name, work] of asked) await check(name, () => work(app));
  app.remove();
}

function checksOfRun(title, run) {
  const checks = [[`${run}: every place`, (app) => tryRun(app, ...run.split(' '))]];
  if (title === FLEET.title && run === FLEET.run) {
    checks.push([`${run}: three processes behind nginx`, (app) => askFleet(app, redis)]);
  }
  return checks;
}

function refusals(wrong) {
  return BUNDLERS.filter((one) => wrong === one || wrong === 'both').flatMap((bundler) =>
    misuses(bundler).map((misuse) => [
      `${bundler}: ${misuse.name} is refused`,
      (app) => buildMisuse(app, bundler, misuse),
    ]),
  );
}

async function tryRun(app, bundler, runner) {
  redis.cli('FLUSHALL');
  if (runner !== 'dev') await buildWithoutConnecting(app, bundler, runner);
  const server = await (runner === 'standalone' ? app.serveStandalone(env) : app.serve(runner, bundler, env));
  let code;
  try {
    await askPlaces(server, redis);
    if (runner === 'dev') await editManyTimes(app, server, redis, EDITS);
  } finally {
    code = await server.stop();
  }
  assert.ok([0, 143, null].includes(code), `It ended with ${code}.\n${server.said.slice(-2_000)}`);
}

/** A build loads every module; none of them may open a connection. */
async function buildWithoutConnecting(app, bundler, runner) {
  let connections = 0;
  const listener = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  const { good, said } = app.build(bundler, {
    REDIS_URL: `redis://127.0.0.1:${port}`,
    STANDALONE: runner === 'standalone' ? '1' : '',
  });
  // Connections are accepted in their order: behind one of our own, all others have been.
  await once(connect(port, '127.0.0.1').resume(), 'close');
  listener.close();
  assert.ok(good, said);
  assert.equal(connections, 1);
}
