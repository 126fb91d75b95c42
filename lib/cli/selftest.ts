import { redisStore } from '../index';
import { readStore } from '../stores/option';
import { conformanceCases, type OptionalMethod } from '../testing/index';
import { shownId } from '../base/text';
import { withLimiter, type StoreFlags } from './open';
import { UsageError } from './usage';
import { coloured, say, sayJson } from './text';

interface Result {
  readonly promise: string;
  readonly kept: boolean;
  readonly why?: string;
}

/** Plays the promises on the configured store, under keys of its own. Exit code 1 where one is not kept. */
export async function selftest(flags: StoreFlags): Promise<number> {
  return withLimiter(flags, async (limiter, { store, redis, prefix = 'ratelimit:' }) => {
    const { healthy, lastError } = await limiter.health();
    if (!healthy) {
      const why = shownId(lastError ?? 'no answer');
      process.stderr.write(`spillway: The store does not count, so nothing was tried: ${why}\n`);
      return 1;
    }
    const target = readStore(store, redis);
    if (target.kind === 'failover') {
      throw new UsageError(
        'Of a failover store each store is tried alone: name one with --redis or --config.',
      );
    }
    const has = (method: OptionalMethod) => target.kind !== 'custom' || target.custom[method] !== undefined;
    const cases = conformanceCases.filter(
      ({ needs, lacks }) => needs.every(has) && (lacks === undefined || !has(lacks)),
    );
    const opened = { store: store ?? redisStore(redis), prefix };
    const results: Result[] = [];
    for (const one of cases) {
      const result = await played(one.name, () => one.run(() => opened));
      results.push(result);
      if (flags.json !== true) tell(result);
    }
    const failed = results.filter(({ kept }) => !kept).length;
    if (flags.json === true) sayJson(results);
    else
      say(
        `${results.length - failed} kept, ${failed} broken. What was counted for it ends by itself within an hour.`,
      );
    return failed === 0 ? 0 : 1;
  });
}

async function played(promise: string, play: () => Promise<void>): Promise<Result> {
  try {
    await play();
    return { promise, kept: true };
  } catch (error) {
    return { promise, kept: false, why: error instanceof Error ? error.message : String(error) };
  }
}

function tell({ promise, kept, why = '' }: Result): void {
  if (kept) return say(`${coloured('kept', 'green')}    ${promise}`);
  say(`${coloured('broken', 'red')}  ${promise}`);
  for (const line of why.split('\n')) say(`        ${shownId(line)}`);
}
