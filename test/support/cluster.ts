import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from './ports';
import { RedisServer } from './redis';
import type { Reply } from './resp';
import { until } from './wait';

const run = promisify(execFile);
const NODE_TIMEOUT_MS = 1_000;
export const SLOTS = 16_384;

/** CRC16 (XMODEM) of a key without a hash tag, modulo the number of slots: the cluster's own formula. */
export function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}

/** The first id of `<name>0`, `<name>1`, ... whose key lies in a slot that `isRight` accepts. */
export function idIn(isRight: (slot: number) => boolean, name = 'org', prefix = 'ratelimit:'): string {
  for (let i = 0; ; i++) if (isRight(slotOf(`${prefix}${name}${i}`))) return `${name}${i}`;
}

/** A real cluster of the test's own: masters with a replica each, in processes of their own. */
export class RedisCluster {
  private constructor(readonly nodes: RedisServer[]) {}

  static async start({ masters = 3, replicas = 1, args = [] as string[] } = {}): Promise<RedisCluster> {
    const nodes: RedisServer[] = [];
    const cluster = new RedisCluster(nodes);
    try {
      for (let i = 0; i < masters * (1 + replicas); i++) nodes.push(await startNode(args));
      if (nodes.length === 1) {
        // redis-cli makes none of fewer than three masters.
        await nodes[0]!.command('CLUSTER', 'ADDSLOTSRANGE', 0, SLOTS - 1);
      } else {
        const created = ['--cluster-replicas', `${replicas}`, '--cluster-yes'];
        await cluster.cli('--cluster', 'create', ...nodes.map(addressOf), ...created);
      }
      await cluster.settled();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** What a limiter is given: two of the nodes are enough to find the others. */
  get redis(): { cluster: { host: string; port: number }[] } {
    return { cluster: this.nodes.slice(0, 2).map(({ port }) => ({ host: '127.0.0.1', port })) };
  }

  /** redis-cli with these arguments. */
  async cli(...args: string[]): Promise<string> {
    try {
      return (await run('redis-cli', args, { timeout: 60_000 })).stdout;
    } catch (error) {
      const { message, stdout } = error as Error & { stdout?: string };
      // It says there what went wrong.
      throw new Error(`${message}${stdout ?? ''}`, { cause: error });
    }
  }

  /** The masters and their ranges of slots, as this node knows them. */
  async ranges(by = this.alive()): Promise<{ first: number; last: number; master: RedisServer }[]> {
    const slots = (await by.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    return slots.map(([first, last, [, port]]) => ({ first, last, master: this.at(port) }));
  }

  async masters(): Promise<RedisServer[]> {
    return [...new Set((await this.ranges()).map(({ master }) => master))];
  }

  async masterOf(slot: number): Promise<RedisServer> {
    const range = (await this.ranges()).find(({ first, last }) => first <= slot && slot <= last);
    if (range === undefined) throw new Error(`nobody has slot ${slot}`);
    return range.master;
  }

  /** Sends a command about a key to its master, wherever that is by now. */
  async command(name: string, key: string, ...args: (string | number)[]): Promise<Reply> {
    const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
    return (await this.masterOf(slotOf(tag))).command(name, key, ...args);
  }

  async charged(key: string): Promise<number> {
    return Number((await this.command('GET', key)) ?? 0);
  }

  /** Commands of each name that masters have run since the last reset of their statistics. */
  async calls(): Promise<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const node of await this.masters()) {
      for (const [name, count] of Object.entries(await node.calls())) sum[name] = (sum[name] ?? 0) + count;
    }
    return sum;
  }

  /** Opens a slot for its way to another master: keys that are there stay, new ones belong to the other. */
  async beginMove(slot: number, to: RedisServer): Promise<RedisServer> {
    const from = await this.masterOf(slot);
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(await from.command('CLUSTER', 'MYID')));
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(await to.command('CLUSTER', 'MYID')));
    return from;
  }

  async moveKey(key: string, from: RedisServer, to: RedisServer): Promise<void> {
    await from.command('MIGRATE', '127.0.0.1', to.port, key, 0, 5_000);
  }

  async endMove(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
    const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 100_000)) as string[];
    for (const key of keys) await this.moveKey(key, from, to);
    const id = String(await to.command('CLUSTER', 'MYID'));
    await to.command('CLUSTER', 'SETSLOT', slot, 'NODE', id);
    await from.command('CLUSTER', 'SETSLOT', slot, 'NODE', id);
  }

  /** A new, empty master. */
  async add(): Promise<RedisServer> {
    const node = await startNode([]);
    const known = addressOf(this.alive());
    this.nodes.push(node);
    await this.cli('--cluster', 'add-node', addressOf(node), known);
    await this.settled();
    return node;
  }

  async move(slots: number, from: RedisServer, to: RedisServer): Promise<void> {
    const ids = await Promise.all([from, to].map((node) => node.command('CLUSTER', 'MYID')));
    const ends = ['--cluster-from', String(ids[0]), '--cluster-to', String(ids[1])];
    const rest = ['--cluster-slots', `${slots}`, '--cluster-yes'];
    await this.cli('--cluster', 'reshard', addressOf(from), ...ends, ...rest);
    await this.settled();
  }

  /** One that has no slots. redis-cli would not find it while another still takes it for lost, as one that has just come back. */
  async remove(node: RedisServer): Promise<void> {
    const id = String(await node.command('CLUSTER', 'MYID'));
    await node.close();
    this.nodes.splice(this.nodes.indexOf(node), 1);
    for (const other of this.nodes.filter(({ running }) => running))
      await other.command('CLUSTER', 'FORGET', id);
    await this.settled();
  }

  /** Every living node knows of all slots, of the same masters, and that the others live. */
  async settled(): Promise<void> {
    const agree = async () => {
      const seen = new Set<string>();
      for (const node of this.nodes.filter(({ running }) => running)) {
        if (!String(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false;
        if (!(await this.reachesAll(node))) return false;
        const ranges = await this.ranges(node);
        if (ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0) !== SLOTS) return false;
        seen.add(
          ranges
            .map(({ first, master }) => `${first} ${master.port}`)
            .sort()
            .join(),
        );
      }
      return seen.size === 1;
    };
    await until('the cluster agrees', agree, { withinMs: 20_000, everyMs: 50 });
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  /** Whether it reaches all that live: redis-cli passes over those that it takes for lost. */
  private async reachesAll(by: RedisServer): Promise<boolean> {
    const lines = String(await by.command('CLUSTER', 'NODES'))
      .trim()
      .split('\n');
    const reached = lines.flatMap((line) => {
      const [, address, flags, , , , , link] = line.split(' ');
      const isWell = link === 'connected' && !/fail|handshake|noaddr/.test(flags!);
      return isWell ? Number(/:(\d+)@/.exec(address!)![1]) : [];
    });
    return this.nodes.every(({ running, port }) => !running || reached.includes(port));
  }

  private alive(): RedisServer {
    const node = this.nodes.find(({ running }) => running);
    if (node === undefined) throw new Error('no node runs');
    return node;
  }

  private at(port: number): RedisServer {
    const node = this.nodes.find((one) => one.port === port);
    if (node === undefined) throw new Error(`no node has port ${port}`);
    return node;
  }
}

const addressOf = ({ port }: RedisServer) => `127.0.0.1:${port}`;

export async function startNode(args: string[]): Promise<RedisServer> {
  const own = ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`];
  // With a master down, the others go on: else the whole cluster would wait for the promotion.
  const failover = ['--cluster-require-full-coverage', 'no', '--cluster-node-timeout', `${NODE_TIMEOUT_MS}`];
  const replication = ['--repl-diskless-sync-delay', '0', '--cluster-replica-validity-factor', '0'];
  return RedisServer.start({ args: [...own, ...failover, ...replication, ...args] });
}
