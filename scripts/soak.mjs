// npm run soak -- [minutes] [seed]: faults at random on every store, for as long as that (default: 60 minutes).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './lib/addon.mjs';

const [minutes = '60', seed] = process.argv.slice(2);
if (!(Number(minutes) > 0) || (seed !== undefined && !/^\d+$/.test(seed))) {
  console.error(
    'Use: npm run soak -- [minutes] [seed], with a number of minutes above 0 and a whole number as the seed.',
  );
  process.exit(1);
}
const env = { ...process.env, SPILLWAY_SOAK_MINUTES: minutes, ...(seed && { SPILLWAY_SEED: seed }) };
const args = [join(root, 'scripts/test.mjs'), '--jest', 'faults/soak'];
process.exitCode = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
