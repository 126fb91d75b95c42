// One peer in a process of its own: `node harness.mjs '{"peer":"ioredis","port":6379,...}'`, one JSON line out.
import { closedLoop, makeKeys, ORGANIZATIONS } from './loop.mjs';
import { machineMicros, mainThreadMicros, processMicros } from './measure.mjs';
import { PEERS } from './peers/index.mjs';
import { openAdmin } from './redis.mjs';

const job = JSON.parse(process.argv[2]);
const { make, remote } = PEERS[job.peer];
const keys = makeKeys();
const admin = await openAdmin(job.port);
await admin.flush();
const peer = await make({
  port: job.tls?.port ?? job.port,
  tls: job.tls && { ca: job.tls.ca },
  limit: job.limit,
  windowMs: 3_600_000,
  packageDir: job.packageDir,
});

// The first answer first, so that no connection is made inside a measured span.
let checks = 0;
let denied = 0;
const count = (run) => ((checks += run.checks), (denied += run.denied), run);
count(await closedLoop(peer, keys, 1, 0));
count(await closedLoop(peer, keys, 256, job.warmupMs));

const levels = [];
for (const inFlight of job.levels) {
  count(await closedLoop(peer, keys, inFlight, job.levelWarmupMs));
  levels.push(await measure(inFlight));
}
if (remote) await audit();
await peer.close();
admin.close();
process.stdout.write(`${JSON.stringify({ peer: job.peer, levels })}\n`);

/** Clocks are read while nothing is in flight, so every microsecond belongs to the checks counted. */
async function measure(inFlight) {
  const redisFrom = await admin.cpuSeconds();
  const machineFrom = machineMicros();
  const processFrom = processMicros();
  const mainFrom = mainThreadMicros();
  const run = count(await closedLoop(peer, keys, inFlight, job.seconds * 1_000));
  const main = mainThreadMicros();
  const whole = processMicros();
  const machine = machineMicros();
  const redis = ((await admin.cpuSeconds()) - redisFrom) * 1e6;
  return {
    inFlight,
    checks: run.checks,
    denied: run.denied,
    perSecond: run.checks / (run.elapsedMs / 1e3),
    mainMicros: main === null ? null : (main - mainFrom) / run.checks,
    processMicros: (whole - processFrom) / run.checks,
    redisMicros: remote ? redis / run.checks : null,
    // Processors that neither this process nor Redis kept busy: somebody else's work, which spoils the figures.
    foreignCores:
      machine === null
        ? null
        : Math.max(0, (machine - machineFrom - (whole - processFrom) - redis) / (run.elapsedMs * 1e3)),
    p50: run.histogram.quantile(0.5),
    p99: run.histogram.quantile(0.99),
    p999: run.histogram.quantile(0.999),
  };
}

/** A client that answers without asking Redis would look fast: the server's counters must say the same. */
async function audit() {
  const admitted = checks - denied;
  const charged = await admin.ledger();
  const most = job.limit * ORGANIZATIONS;
  const right = denied === 0 ? charged === admitted : admitted <= most;
  if (!right)
    throw new Error(`${job.peer}: ${admitted} admitted, ${charged} charged at the server, at most ${most}`);
}
