// `npm run bench`: every peer in alternating rounds against a Redis of its own; the report goes to standard output.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { here, pinning, runNode } from './children.mjs';
import { coldRound } from './cold-start.mjs';
import { judge } from './goals.mjs';
import { median } from './measure.mjs';
import { memoryRound, STORES } from './memory.mjs';
import { readOptions, USAGE } from './options.mjs';
import { buildPackage, installPeers, peerVersions, snapshotPackage } from './prepare.mjs';
import { openAdmin, startRedis } from './redis.mjs';
import { report } from './report.mjs';

const startedAt = performance.now();
const say = (text) =>
  console.error(`[${((performance.now() - startedAt) / 1e3).toFixed(0).padStart(4)} s] ${text}`);

let options;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${error.message}\n\n${USAGE}`);
  process.exit(2);
}
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
// The children are ended by an exit handler, so a signal has to become an exit.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

installPeers(say);
if (options.needsPackage) buildPackage(say);
const built = options.needsPackage ? snapshotPackage() : {};
const pins = pinning();
say(
  pins.pinned
    ? 'Redis on core 1, the client on core 0'
    : 'without taskset or a second core: nothing is pinned',
);
const profileDir = options.profile ? mkdtempSync(join(tmpdir(), 'spillway-profile-')) : undefined;
if (profileDir) say(`profiles go to ${profileDir}`);
const redis = await startRedis(pins.server);
const run = { scenario: options.scenario, levels: [], rounds: [], coldStart: [], memory: [] };
try {
  await describe();
  if (options.peers.length > 0) await closedLoops();
  if (options.coldStarts > 0) await coldStarts();
  if (options.memoryRounds > 0) await inProcess();
} finally {
  await redis.stop();
}
run.goals = run.scenario === 'admit' ? judge(run) : [];
save();
process.stdout.write(report(run));

async function describe() {
  const admin = await openAdmin(redis.port);
  run.versions = {
    node: process.versions.node,
    redis: await admin.version(),
    binary: built.digest,
    peers: peerVersions(),
  };
  admin.close();
  const cores = availableParallelism();
  run.machine = { cpu: cpus()[0].model.trim(), cores, kernel: release(), pinned: pins.pinned };
  run.seconds = options.seconds;
  run.memoryKeys = options.memoryKeys;
}

async function closedLoops() {
  run.levels = options.levels;
  for (let round = 0; round < options.rounds; round++) {
    // Each round starts with another peer, so that none is always the first or always after the same one.
    const turn = (round * 5) % options.peers.length;
    const order = [...options.peers.slice(turn), ...options.peers.slice(0, turn)];
    const result = {};
    for (const peer of order) result[peer] = await oneLoop(peer, round);
    run.rounds.push(result);
  }
  const levels = run.rounds.flatMap((round) => Object.values(round).flatMap((peer) => Object.values(peer)));
  run.foreignCores = median(levels.map((level) => level.foreignCores ?? NaN));
}

async function oneLoop(peer, round) {
  const { limit, levels, seconds, warmupMs, levelWarmupMs } = options;
  const job = {
    peer,
    packageDir: built.dir,
    port: redis.port,
    limit,
    levels,
    seconds,
    warmupMs,
    levelWarmupMs,
  };
  const limitMs = warmupMs + levels.length * (seconds * 1e3 + levelWarmupMs) + 60_000;
  const flags = profileDir
    ? ['--cpu-prof', `--cpu-prof-dir=${profileDir}`, `--cpu-prof-name=${peer}-${round + 1}.cpuprofile`]
    : [];
  const output = await runNode(pins.client, [...flags, here('harness.mjs'), JSON.stringify(job)], limitMs);
  const measured = JSON.parse(output).levels;
  const rates = measured.map((level) => `${(level.perSecond / 1e3).toFixed(1)}k`).join(' ');
  say(`round ${round + 1}/${options.rounds}  ${peer.padEnd(26)} ${rates} checks/s`);
  return Object.fromEntries(measured.map((level) => [level.inFlight, level]));
}

async function coldStarts() {
  const admin = await openAdmin(redis.port);
  await admin.flush();
  say(`cold start, ${options.coldStarts} times`);
  for (let i = 0; i < options.coldStarts; i++) {
    run.coldStart.push(await coldRound(pins.client, redis.port, options.coldNames, built.dir));
  }
  const charged = await admin.ledger();
  admin.close();
  const wanted = options.coldStarts * options.coldNames.length;
  if (charged !== wanted)
    throw new Error(`cold start: ${charged} of ${wanted} first checks were counted by Redis`);
}

async function inProcess() {
  for (let round = 0; round < options.memoryRounds; round++) {
    say(`in process, round ${round + 1}/${options.memoryRounds}`);
    const { memoryKeys: keys, memorySeconds: seconds } = options;
    run.memory.push(
      await memoryRound(pins.client, { stores: STORES, keys, seconds, round, packageDir: built.dir }),
    );
  }
}

function save() {
  mkdirSync(here('results'), { recursive: true });
  const name = `results/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.local.json`;
  writeFileSync(here(name), `${JSON.stringify(run, null, 1)}\n`);
  say(`written to bench/${name}`);
}
