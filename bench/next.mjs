// What a limit costs a route handler of Next.js on local Redis: `node bench/next.mjs [--rounds N] [--requests N]`.
// The same handler with and without the limiter, in one `next start`, in alternating rounds, under h2load:
//   CPU of the whole Next.js process per request, at full load;
//   p99 of all requests at half of the load that the bare route can take, evenly spread, which is when few answers queue.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NextApp } from '../scripts/lib/next-app.mjs';
import { pack } from '../scripts/lib/packages.mjs';
import { prepare } from '../scripts/lib/prepare.mjs';
import { ownRedis } from '../scripts/lib/redis.mjs';
import { pinning } from './children.mjs';
import { machineMicros, median } from './measure.mjs';

const MOST_CPU = 1.05;
const MOST_P99_MS = 1;
const CONNECTIONS = 16;
const TICK_MICROS = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const rounds = option('--rounds', 7);
const requests = option('--requests', 20_000);
const WARM_UP = 10_000;

prepare(['libhiredis-dev', 'redis-server', 'nghttp2-client']);
const redis = await ownRedis();
const app = new NextApp('16', 'npm', pack());
const { good, said } = app.build('turbopack');
if (!good) throw new Error(said);
const server = await app.serve('start', 'turbopack', { REDIS_URL: redis.url });
const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-next-'));
const log = join(folder, 'requests.log');
process.on('exit', () => {
  server.child.kill('SIGKILL');
  app.remove();
  rmSync(folder, { recursive: true, force: true });
});

const { pinned, server: others } = pinning();
if (pinned) {
  spawnSync('taskset', ['-acp', '0', String(server.child.pid)]);
  spawnSync('taskset', ['-acp', '1', /process_id:(\d+)/.exec(redis.cli('INFO', 'server'))[1]]);
}
const ROUTES = { plain: '/api/load/plain', limited: '/api/load/limited' };

let busiest = 0;
for (const name of Object.keys(ROUTES)) await load(name, WARM_UP);
const { perSecond } = await load('plain', requests);
const half = Math.max(1, Math.round(perSecond / 2 / CONNECTIONS));

const full = { plain: [], limited: [] };
const halved = { plain: [], limited: [] };
for (let round = 0; round < rounds; round++) {
  // The order turns, so that neither always comes first.
  const names = round % 2 === 0 ? ['plain', 'limited'] : ['limited', 'plain'];
  for (const name of names) full[name].push(await load(name, requests));
  for (const name of names) halved[name].push(await load(name, Math.ceil(requests / 2), half));
  console.error(`round ${round + 1} of ${rounds}: ${names.map((name) => describe(name, round)).join('; ')}`);
}
report();
await server.stop();
process.exit();

/** So many requests by h2load; `rate` is requests a second of each connection, else as fast as answers come. */
async function load(name, count, rate) {
  rmSync(log, { force: true });
  const args = [
    '--h1',
    `-c${CONNECTIONS}`,
    `-n${count}`,
    '-H',
    `x-organization: org-${name}`,
    `--log-file=${log}`,
  ];
  if (rate !== undefined) args.push(`--rps=${rate}`, ...stagger(rate));
  const [command, ...prefixed] = [...others, 'h2load', ...args, server.address + ROUTES[name]];
  const before = { cpu: cpuMicros(), machine: machineMicros(), at: performance.now() };
  const [code] = await once(spawn(command, prefixed, { stdio: 'ignore' }), 'exit');
  const took = (performance.now() - before.at) * 1e3;
  const cpu = cpuMicros() - before.cpu;
  if (code !== 0) throw new Error(`h2load ended with ${code}`);
  busiest = Math.max(busiest, (machineMicros() - before.machine) / took);
  const times = readFileSync(log, 'latin1')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const strange = times.find(([, status]) => status !== '200');
  if (strange !== undefined || times.length !== count) throw new Error(`${name} answered ${strange}`);
  const ms = times.map(([, , micros]) => Number(micros) / 1000).sort((a, b) => a - b);
  return { cpu: cpu / count, perSecond: (count / took) * 1e6, p99: ms[Math.floor(count * 0.99)] };
}

/**
 * A connection after the other, each a little more than one of its intervals later: those that start together would go on
 * asking together, and all but the first would wait for the others' answers.
 */
function stagger(rate) {
  const interval = 1_000 / rate;
  return ['-r1', `--rate-period=${Math.round(interval * (1 + 1 / CONNECTIONS))}ms`];
}

/** Microseconds of CPU that all threads of the Next.js process have spent. */
function cpuMicros() {
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

function describe(name, round) {
  const { cpu, p99 } = full[name][round];
  return `${name} ${cpu.toFixed(0)} µs, p99 ${p99.toFixed(1)} ms, at half load ${halved[name][round].p99.toFixed(2)} ms`;
}

function report() {
  const each = (of, figure) => of.limited.map((limited, i) => [limited[figure], of.plain[i][figure]]);
  const ratio = (figure) => median(each(full, figure).map(([mine, bare]) => mine / bare));
  const added = median(each(halved, 'p99').map(([mine, bare]) => mine - bare));
  const middle = (of, figure) => median(of.map((one) => one[figure]));
  console.log(`
| Next.js 16, route handler        | without | with    |                          |
| -------------------------------- | ------- | ------- | ------------------------ |
| CPU per request, µs              | ${cells(middle(full.plain, 'cpu'), middle(full.limited, 'cpu'))} | × ${ratio('cpu').toFixed(3)}, goal ≤ ${MOST_CPU} |
| p99 at half load, ms             | ${cells(middle(halved.plain, 'p99'), middle(halved.limited, 'p99'), 2)} | + ${added.toFixed(2)} ms, goal < ${MOST_P99_MS} |

${rounds} alternating rounds of ${requests} requests; full load is ${perSecond.toFixed(0)} requests/s over ${CONNECTIONS} connections.
${pinned ? 'Next.js had a core of its own.' : 'Nothing was pinned.'} The machine was at most ${busiest.toFixed(2)} cores busy.`);
  process.exitCode = ratio('cpu') <= MOST_CPU && added < MOST_P99_MS ? 0 : 1;
}

function cells(bare, mine, digits = 0) {
  return `${bare.toFixed(digits)} | ${mine.toFixed(digits)}`;
}
