// What a limit costs a route handler of Next.js on local Redis: `node bench/next.mjs [--rounds N] [--seconds N]`.
// The same handler with and without the limiter, in one `next start`, in alternating rounds, under h2load:
//   CPU of the whole Next.js process per request (and instructions, where perf can count them), at full load;
//   p99 of all requests at half of the load that the bare route can take, which is when answers do not queue.
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
const seconds = option('--seconds', 10);

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
if (pinned) spawnSync('taskset', ['-acp', '0', String(server.child.pid)]);
const ROUTES = { plain: '/api/load/plain', limited: '/api/load/limited' };
const canCount = spawnSync('perf', ['stat', '-e', 'instructions:u', '-x,', 'true']).stderr?.includes(
  'instructions',
);

for (const name of Object.keys(ROUTES)) await load(name, 5);
const perSecond = (await load('plain', seconds)).requests / seconds;
const half = Math.max(1, Math.round(perSecond / 2 / CONNECTIONS));

const full = { plain: [], limited: [] };
const halved = { plain: [], limited: [] };
let foreign = 0;
for (let round = 0; round < rounds; round++) {
  // The order turns, so that neither always comes first.
  const names = round % 2 === 0 ? ['plain', 'limited'] : ['limited', 'plain'];
  for (const name of names) full[name].push(await load(name, seconds));
  for (const name of names) halved[name].push(await load(name, seconds, half));
  console.error(`round ${round + 1} of ${rounds}: ${names.map((name) => describe(name, round)).join('; ')}`);
}
report();
await server.stop();
process.exit();

/** One span of h2load; `rate` is requests a second of each connection, else as fast as answers come. */
async function load(name, span, rate) {
  rmSync(log, { force: true });
  const args = [
    '--h1',
    `-c${CONNECTIONS}`,
    `-D${span}`,
    '-H',
    `x-organization: org-${name}`,
    `--log-file=${log}`,
  ];
  if (rate !== undefined) args.push(`--rps=${rate}`);
  const [command, ...prefixed] = [...others, 'h2load', ...args, server.address + ROUTES[name]];
  const counter = canCount && rate === undefined ? countInstructions() : undefined;
  const before = { next: cpuMicros(), machine: machineMicros() };
  const generator = spawn(command, prefixed, { stdio: 'ignore' });
  const [code] = await once(generator, 'exit');
  const cpu = cpuMicros() - before.next;
  const instructions = await counter?.();
  if (code !== 0) throw new Error(`h2load ended with ${code}`);
  foreign = Math.max(foreign, (machineMicros() - before.machine) / (span * 1e6));
  const times = [];
  for (const line of readFileSync(log, 'latin1').trim().split('\n')) {
    const [, status, micros] = line.split('\t');
    if (status !== '200') throw new Error(`${name} answered ${status}`);
    times.push(Number(micros) / 1000);
  }
  times.sort((a, b) => a - b);
  const requests = times.length;
  return {
    requests,
    cpu: cpu / requests,
    instructions: instructions === undefined ? NaN : instructions / requests,
    p50: times[Math.floor(requests * 0.5)],
    p99: times[Math.floor(requests * 0.99)],
  };
}

/** Microseconds of CPU that all threads of the Next.js process have spent. */
function cpuMicros() {
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

function countInstructions() {
  const perf = spawn('perf', ['stat', '-e', 'instructions:u', '-x,', '-p', String(server.child.pid)]);
  let text = '';
  perf.stderr.on('data', (chunk) => (text += chunk));
  return async () => {
    perf.kill('SIGINT');
    await once(perf, 'close');
    return Number(/^(\d+),/m.exec(text)?.[1] ?? NaN);
  };
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
| instructions per request         | ${cells(middle(full.plain, 'instructions'), middle(full.limited, 'instructions'))} | × ${ratio('instructions').toFixed(3)} |
| p99 at half load, ms             | ${cells(middle(halved.plain, 'p99'), middle(halved.limited, 'p99'), 2)} | + ${added.toFixed(2)} ms, goal < ${MOST_P99_MS} |

${rounds} alternating rounds of ${seconds} s; full load is ${perSecond.toFixed(0)} requests/s over ${CONNECTIONS} connections.
${pinned ? 'Next.js had a core of its own.' : 'Nothing was pinned.'} The machine was at most ${foreign.toFixed(2)} cores busy.`);
  process.exitCode = ratio('cpu') <= MOST_CPU && added < MOST_P99_MS ? 0 : 1;
}

function cells(bare, mine, digits = 0) {
  return `${bare.toFixed(digits)} | ${mine.toFixed(digits)}`;
}
