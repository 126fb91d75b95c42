// `node bench/state.mjs`: bytes that a key takes under each algorithm, in process (resident memory, in a process of its
// own) and on Redis (MEMORY USAGE). Keys are of 16 bytes; units come a millisecond or more apart.
import { here, runNode } from './children.mjs';
import { openAdmin, startRedis } from './redis.mjs';

const KEYS = 100_000;
const REDIS_KEYS = 200;
const ALGORITHMS = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'];
const UNITS = [1, 10, 100];

const server = await startRedis([]);
const admin = await openAdmin(server.port);
const rows = [];
for (const algorithm of ALGORITHMS) {
  for (const units of UNITS) {
    const run = (keys, port) => runNode([], childArgs(algorithm, units, keys, port), 120_000);
    const inProcess = JSON.parse(await run(KEYS, 0)).bytesPerKey;
    await admin.flush();
    const { names } = JSON.parse(await run(REDIS_KEYS, server.port));
    let onRedis = 0;
    for (const name of names) onRedis += Number(await admin.memoryUsage(name));
    rows.push({
      algorithm,
      units,
      'in process': Math.round(inProcess),
      'on Redis': Math.round(onRedis / names.length),
    });
  }
}
console.table(rows);
admin.close();
await server.stop();

function childArgs(algorithm, units, keys, port) {
  const flags = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'];
  return [...flags, here('state-child.mjs'), algorithm, String(units), String(keys), String(port)];
}
