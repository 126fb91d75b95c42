import type { Health, StoreStatus } from '../index';
import { durationText } from '../base/text';
import { withLimiter, type StoreFlags } from './open';
import { coloured, say, sayJson } from './text';

export interface HealthFlags extends StoreFlags {
  readonly verbose?: boolean;
}

/** Asks the store to count. Exit code 1 where it does not. */
export async function health(flags: HealthFlags): Promise<number> {
  const found = await withLimiter(flags, (limiter) => limiter.health({ memory: true }));
  if (flags.json === true) sayJson(found.stores === undefined ? single(found) : several(found, found.stores));
  else tell(found, flags.verbose === true);
  return found.healthy ? 0 : 1;
}

const CLASSES: { readonly [store: string]: string } = { redis: 'redisStore', memory: 'memoryStore' };
const classOf = (store: string) => CLASSES[store] ?? `${store}Store`;

/** The first four fields are those that health checks of other limiters read. */
function single({ store, healthy, lastError, ...more }: Health): object {
  return { type: store, backend_class: classOf(store), healthy, error: healthy ? null : lastError, ...more };
}

function several({ healthy, store, stores: _, ...stats }: Health, stores: readonly StoreStatus[]): object {
  const backends = stores.map((one) => ({
    type: one.store,
    backend_class: classOf(one.store),
    ...one,
    error: one.healthy ? null : one.lastError,
  }));
  return { healthy, stats: { store, ...stats }, backends };
}

function tell(found: Health, isVerbose: boolean): void {
  const { healthy, store, latencyMs, lastError, serverVersion, breaker, stores } = found;
  const version = serverVersion === null ? '' : ` ${serverVersion}`;
  if (healthy) {
    const took = latencyMs === null ? '' : `, in ${latencyMs.toFixed(1)} ms`;
    say(`${coloured('healthy', 'green')}  ${store}${version} counts${took}`);
  } else {
    say(`${coloured('unhealthy', 'red')}  ${store}${version} does not count: ${lastError ?? 'no answer'}`);
  }
  for (const one of stores ?? []) {
    const state = one.healthy ? coloured('healthy', 'green') : coloured('unhealthy', 'red');
    say(`  ${state}  ${one.store}${one.inUse ? ', in use' : ''}${one.healthy ? '' : `: ${one.lastError}`}`);
  }
  const memory = found.memory ?? undefined;
  if (memory?.mayDropCounts === true) {
    const what = `maxmemory-policy is ${memory.policy}, so keys that still count may be dropped: set it to noeviction or volatile-ttl.`;
    say(`  ${coloured('warning', 'yellow')}  ${what}`);
  }
  if (memory !== undefined && memory.evictedKeys > 0) {
    say(
      `  ${coloured('warning', 'yellow')}  ${memory.evictedKeys.toLocaleString('en')} keys were dropped for want of memory.`,
    );
  }
  if (!isVerbose) return;
  if (memory !== undefined) {
    const limit = memory.limitBytes === 0 ? 'no limit' : `of ${megabytes(memory.limitBytes)}`;
    say(`  memory       ${megabytes(memory.usedBytes)}, ${limit}, ${memory.policy}`);
  }
  say(`  breaker      ${breaker.state}`);
  say(`  pending      ${found.pending}`);
  say(`  reconnects   ${found.reconnects}`);
  say(`  timeouts     ${found.timeouts}`);
  say(`  foreign keys ${found.foreign}`);
  if (found.connectedSince !== null)
    say(`  connected    for ${durationText(Date.now() - found.connectedSince)}`);
}

const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MB`;
