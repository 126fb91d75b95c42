import type { ServerMemory } from '../types';
import type { Ask } from './documents';

const WAIT_MS = 2_000;
/** `volatile-ttl` takes those that are about to end anyway; the core tells the same at each connection. */
const HARMLESS = ['noeviction', 'volatile-ttl'];

/** What one server says of its memory; null where it does not say: `INFO` may be forbidden. */
export async function serverMemory(ask: Ask, key: string): Promise<ServerMemory | null> {
  const info = async (section: string) => {
    const page = await ask(['INFO', section], '', key, WAIT_MS, true);
    return typeof page === 'number' ? '' : (page.keys[0] ?? '');
  };
  const [memory, stats] = await Promise.all([info('memory'), info('stats')]);
  const policy = fieldOf(memory, 'maxmemory_policy');
  if (policy === undefined) return null;
  const limitBytes = Number(fieldOf(memory, 'maxmemory') ?? 0);
  return {
    policy,
    limitBytes,
    usedBytes: Number(fieldOf(memory, 'used_memory') ?? 0),
    evictedKeys: Number(fieldOf(stats, 'evicted_keys') ?? 0),
    mayDropCounts: limitBytes > 0 && !HARMLESS.includes(policy),
  };
}

const fieldOf = (info: string, name: string) => new RegExp(`^${name}:([^\\r\\n]*)`, 'm').exec(info)?.[1];
