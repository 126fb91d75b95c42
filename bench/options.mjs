// The command line of the benchmark.
import { parseArgs } from 'node:util';
import { COLD } from './cold-start.mjs';
import { PEERS } from './peers/index.mjs';

export const USAGE = `npm run bench -- [options]
  --quick       a look in less than two minutes, with more noise
  --rounds N    how often every peer runs
  --seconds N   how long each number in flight is measured
  --only NAMES  only these, separated by commas; the other goals stay unmeasured:
                ${Object.keys(PEERS).join(', ')}, cold-start, memory
  --profile     a V8 CPU profile of each peer's process, in a temporary folder
  --flood       the limit is 5 for each organization: nearly every check is denied`;

export function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean', default: false },
      flood: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const { quick, flood, help, profile } = values;
  const all = [...Object.keys(PEERS), 'cold-start', 'memory'];
  const only = values.only?.split(',') ?? (flood ? Object.keys(PEERS) : all);
  for (const name of only)
    if (!all.includes(name)) throw new Error(`--only: ${name} is none of ${all.join(', ')}`);
  return {
    help,
    profile,
    scenario: flood ? 'flood' : 'admit',
    limit: flood ? 5 : 1_000_000_000,
    levels: [1, 16, 256, 1024],
    peers: only.filter((name) => name in PEERS),
    needsPackage: only.some((name) => !(name in PEERS) || name.startsWith('spillway')),
    coldNames: Object.keys(COLD),
    rounds: positive(values.rounds, '--rounds') ?? (quick ? 2 : 5),
    seconds: positive(values.seconds, '--seconds') ?? (quick ? 0.35 : 1.5),
    warmupMs: quick ? 300 : 700,
    levelWarmupMs: quick ? 50 : 200,
    coldStarts: only.includes('cold-start') ? (quick ? 5 : 20) : 0,
    memoryRounds: only.includes('memory') ? (quick ? 1 : 3) : 0,
    memoryKeys: 1_000_000,
    memorySeconds: quick ? 1 : 3,
  };
}

function positive(text, name) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0 && value <= 3_600)) throw new Error(`${name} must be a number above 0, not ${text}`);
  return value;
}
