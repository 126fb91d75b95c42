import type { StoreTarget } from '../option';

/** A store of a failover as people are told of it: two of them may be Redis. Without credentials. */
export function nameOf(target: StoreTarget): string {
  switch (target.kind) {
    case 'memory':
      return 'this process';
    case 'custom':
      return `the store '${target.custom.name}'`;
    case 'redis': {
      const { nodes, masterName } = target.redis;
      if (masterName !== '') return `Redis (the master '${masterName}')`;
      return `Redis at ${nodes.map(({ host, port, path }) => path || `${host}:${port}`).join(', ')}`;
    }
    case 'failed':
      return 'Redis';
    case 'failover':
      return 'the failover';
  }
}
