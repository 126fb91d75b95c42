// `node bench/tls.mjs`: 256 checks in flight over TLS, by ioredis over TLS and by the same checks without TLS, measured as
// `npm run bench` does: a process for each, pinned, alternating rounds, medians of the rounds' ratios. Redis's own CPU stands
// beside them: once its one thread is busy all the time, no client gets more. A certificate is made for the run, by openssl.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { here, pinning, runNode } from './children.mjs';
import { median } from './measure.mjs';
import { buildPackage, installPeers, snapshotPackage } from './prepare.mjs';
import { freePort, startRedis } from './redis.mjs';

const ROUNDS = 7;
const SECONDS = 1.5;
const OVER_TLS = 'spillway over TLS';
const THEIRS = 'ioredis over TLS';
const PLAIN = 'spillway without TLS';

installPeers(console.error);
buildPackage(console.error);
const { dir: packageDir } = snapshotPackage();
const pins = pinning();
const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-tls-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, ...subject, '-keyout', key, '-out', cert], {
  stdio: 'ignore',
});
const tls = { port: await freePort(), ca: readFileSync(cert, 'utf8') };
const server = await startRedis(pins.server, {
  'tls-port': tls.port,
  'tls-cert-file': cert,
  'tls-key-file': key,
  'tls-auth-clients': 'no',
});
const contenders = {
  [OVER_TLS]: { peer: 'spillway-limiter', tls },
  [PLAIN]: { peer: 'spillway-limiter' },
  [THEIRS]: { peer: 'ioredis', tls },
  [`${THEIRS}, auto-pipelining`]: { peer: 'ioredis-auto', tls },
};
const names = Object.keys(contenders);

const rounds = [];
for (let round = 0; round < ROUNDS; round++) {
  const turn = round % names.length;
  const result = {};
  for (const name of [...names.slice(turn), ...names.slice(0, turn)])
    result[name] = await measure(contenders[name]);
  rounds.push(result);
  console.error(`round ${round + 1} of ${ROUNDS}: ${ratio(OVER_TLS, THEIRS, 'perSecond', [result])}`);
}
await server.stop();

for (const name of names) {
  const of = (pick) => median(rounds.map((round) => pick(round[name])));
  const each = `${of((one) => one.processMicros).toFixed(2)} µs of the client's CPU and ${of((one) => one.redisMicros).toFixed(2)} µs of Redis's each`;
  const busy = of((one) => (one.redisMicros * one.perSecond) / 1e4);
  console.log(
    `${name}: ${Math.round(of((one) => one.perSecond))} checks/s, ${each}; Redis busy ${busy.toFixed(0)} %`,
  );
}
console.log(`throughput by ${THEIRS}: ${ratio(OVER_TLS, THEIRS, 'perSecond')} (goal: at least 3)`);
console.log(`the client's CPU by ${THEIRS}: ${ratio(OVER_TLS, THEIRS, 'processMicros')}`);
console.log(`the client's CPU by the same without TLS: ${ratio(OVER_TLS, PLAIN, 'processMicros')}`);
const foreign = median(rounds.flatMap((round) => names.map((name) => round[name].foreignCores ?? NaN)));
console.log(
  `${pins.pinned ? 'Redis on core 1, the client on core 0' : 'Nothing was pinned'}; ${foreign.toFixed(2)} cores busy with something else.`,
);

async function measure(contender) {
  const job = {
    ...contender,
    packageDir,
    port: server.port,
    limit: 1_000_000_000,
    levels: [256],
    seconds: SECONDS,
    warmupMs: 700,
    levelWarmupMs: 200,
  };
  const output = await runNode(pins.client, [here('harness.mjs'), JSON.stringify(job)], 60_000);
  return JSON.parse(output).levels[0];
}

function ratio(name, other, field, of = rounds) {
  return median(of.map((round) => round[name][field] / round[other][field])).toFixed(2);
}
