// `node bench/service.mjs [--rounds N] [--requests N]`: `spillway serve` beside Fastify by itself, each on a core of its own, under
// h2load, on a Redis of its own:
//   requests/s of both at full load, in alternating rounds; the ratio is the median over the rounds;
//   p99 of the service at half of its own rate, evenly spread;
//   a SIGTERM under load, again and again: what is answered is held against what Redis was charged.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepare } from '../scripts/lib/prepare.mjs';
import { here, pinning } from './children.mjs';
import { machineMicros, median } from './measure.mjs';
import { openAdmin, startRedis } from './redis.mjs';

const LEAST_RATIO = 0.6;
const MOST_P99_MS = 10;
const CONNECTIONS = 32;
const KEY = 'a-key-for-the-benchmark-only';
const BODY = JSON.stringify({ key: 'org-123', plan: 'FREE' });
const ENDS = 5;
const CALLERS = 64;

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const rounds = option('--rounds', 7);
const requests = option('--requests', 60_000);

prepare(['libhiredis-dev', 'redis-server', 'nghttp2-client']);
const { pinned, client: ownCore, server: otherCore } = pinning();
const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-service-'));
const redis = await startRedis(otherCore);
const admin = await openAdmin(redis.port);
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
writeFileSync(join(folder, 'spillway.config.json'), JSON.stringify({ plans: { FREE: '1000000000/h' } }));
writeFileSync(join(folder, 'body.json'), BODY);

let busiest = 0;
const servers = {
  bare: await start([here('service-bare.mjs')]),
  service: await start([here('../dist/cli/bin.js'), 'serve', '--port', '0']),
};
for (const name of Object.keys(servers)) await load(name, requests / 2);
const perSecond = { bare: [], service: [] };
for (let round = 0; round < rounds; round++) {
  // The order turns, so that neither always comes first.
  const names = round % 2 === 0 ? ['bare', 'service'] : ['service', 'bare'];
  for (const name of names) perSecond[name].push((await load(name, requests)).perSecond);
  const [bare, service] = ['bare', 'service'].map((name) => Math.round(perSecond[name][round]));
  console.error(`round ${round + 1} of ${rounds}: bare ${bare}/s, service ${service}/s`);
}
const each = Math.max(1, Math.round(median(perSecond.service) / 2 / CONNECTIONS));
const halves = [];
for (let round = 0; round < rounds; round++) halves.push(await load('service', requests / 2, each));
for (const { child } of Object.values(servers)) await end(child);
const ends = [];
for (let i = 0; i < ENDS; i++) ends.push(await endUnderLoad());
report();
admin.close();
await redis.stop();
process.exit();

async function start(args) {
  const [command, ...rest] = [...ownCore, process.execPath, ...args];
  const env = { ...process.env, REDIS_URL: `redis://127.0.0.1:${redis.port}`, SPILLWAY_API_KEYS: KEY };
  const child = spawn(command, rest, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { child, port: JSON.parse(line.split('\n', 1)[0]).port };
}

async function end(child) {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** So many requests by h2load; `rate` is requests a second of each connection, else as fast as answers come. */
async function load(name, count, rate) {
  const log = join(folder, `${name}.log`);
  rmSync(log, { force: true });
  const headers = ['content-type: application/json', `authorization: Bearer ${KEY}`];
  const args = [
    ...['--h1', `-c${CONNECTIONS}`, `-n${count}`, '-d', join(folder, 'body.json'), `--log-file=${log}`],
    ...headers.flatMap((header) => ['-H', header]),
  ];
  // A connection after the other, so that they do not all ask at once for ever.
  if (rate !== undefined)
    args.push(
      `--rps=${rate}`,
      '-r1',
      `--rate-period=${Math.round((1_000 / rate) * (1 + 1 / CONNECTIONS))}ms`,
    );
  const [command, ...rest] = [
    ...otherCore,
    'h2load',
    ...args,
    `http://127.0.0.1:${servers[name].port}/v1/check`,
  ];
  const before = { machine: machineMicros(), at: performance.now() };
  const [code] = await once(spawn(command, rest, { stdio: 'ignore' }), 'exit');
  const took = (performance.now() - before.at) * 1e3;
  if (code !== 0) throw new Error(`h2load ended with ${code}`);
  busiest = Math.max(busiest, (machineMicros() - before.machine) / took);
  const times = readFileSync(log, 'latin1')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const strange = times.find(([, status]) => status !== '200');
  if (strange !== undefined || times.length !== count) throw new Error(`${name} answered ${strange}`);
  const ms = times.map(([, , micros]) => Number(micros) / 1_000).sort((a, b) => a - b);
  const starts = times.map(([start]) => Number(start));
  const ends = times.map(([start, , micros]) => Number(start) + Number(micros));
  const span = starts.reduce((a, b) => Math.min(a, b)) - ends.reduce((a, b) => Math.max(a, b));
  return {
    perSecond: (count / -span) * 1e6,
    p50: ms[Math.floor(count / 2)],
    p99: ms[Math.floor(count * 0.99)],
  };
}

/** Callers that ask until nobody listens any more; at the end of it nobody may have asked in vain. */
async function endUnderLoad() {
  await admin.flush();
  const { child, port } = await start([here('../dist/cli/bin.js'), 'serve', '--port', '0']);
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  let [answered, lost] = [0, 0];
  const caller = async () => {
    for (;;) {
      const outcome = await ask(agent, port);
      if (outcome === 'ok') answered++;
      else if (outcome === 'ECONNREFUSED') return;
      else lost++;
    }
  };
  const callers = Array.from({ length: CALLERS }, caller);
  await delay(1_000);
  const startMs = performance.now();
  await end(child);
  const tookMs = performance.now() - startMs;
  await Promise.all(callers);
  agent.destroy();
  return { answered, lost, charged: await admin.charged('ratelimit:org-123'), tookMs, code: child.exitCode };
}

function ask(agent, port) {
  const headers = {
    ...{ 'content-type': 'application/json', 'content-length': BODY.length },
    authorization: `Bearer ${KEY}`,
  };
  return new Promise((resolve) => {
    const asked = request({ agent, host: '127.0.0.1', port, method: 'POST', path: '/v1/check', headers });
    asked.on('error', ({ code }) => resolve(code));
    asked.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200 ? 'ok' : response.statusCode));
      response.on('error', ({ code }) => resolve(code));
    });
    asked.end(BODY);
  });
}

function report() {
  const ratio = median(perSecond.service.map((service, i) => service / perSecond.bare[i]));
  const p99 = median(halves.map((one) => one.p99));
  const sum = (name) => ends.reduce((total, one) => total + one[name], 0);
  const isWhole = ends.every(
    ({ answered, lost, charged, code }) => lost === 0 && answered === charged && code === 0,
  );
  console.log(`
| on one core                            |                                          |
| -------------------------------------- | ---------------------------------------- |
| Fastify by itself, requests/s          | ${Math.round(median(perSecond.bare))} |
| spillway serve, requests/s             | ${Math.round(median(perSecond.service))}, × ${ratio.toFixed(2)}, goal ≥ ${LEAST_RATIO} |
| at half of that, p50 and p99, ms       | ${median(halves.map((one) => one.p50)).toFixed(2)}, ${p99.toFixed(2)}, goal < ${MOST_P99_MS} |
| ${ENDS} SIGTERM, ${CALLERS} callers: answered, charged | ${sum('answered')}, ${sum('charged')}; lost ${sum('lost')}, goal 0; ${Math.round(Math.max(...ends.map((one) => one.tookMs)))} ms at most |

${rounds} rounds of ${requests} requests over ${CONNECTIONS} connections. ${pinned ? 'Servers had core 0, Redis and h2load core 1.' : 'Nothing was pinned.'} The machine was at most ${busiest.toFixed(2)} cores busy.`);
  process.exitCode = ratio >= LEAST_RATIO && p99 < MOST_P99_MS && isWhole ? 0 : 1;
}
