import { delay } from '../support/wait';
import { blockedLoops } from './loop-faults';
import type { End, Fault } from './play';
import type { RedisPlace } from './redis-place';
import { networkFaults, repeated, wireFault } from './wire-faults';

type RedisFault = Fault<RedisPlace>;

const HOUR = 3_600_000;
/** Dials begin at most two seconds apart. */
export const DIALS_MS = 2_500;

/** Settings of the server, and what they are otherwise. */
const setting = (
  name: string,
  given: Record<string, string | number>,
  usual: Record<string, string | number>,
  more: Partial<RedisFault> = {},
): RedisFault => ({
  name,
  async begin(place) {
    await place.set(...Object.entries(given).flat());
    return () => place.set(...Object.entries(usual).flat());
  },
  ...more,
});

const user = (
  name: string,
  given: string[],
  usual: string[],
  more: Partial<RedisFault> = {},
): RedisFault => ({
  name,
  async begin(place) {
    await place.user(...given);
    return () => place.user(...usual);
  },
  ...more,
});

const killUser = (place: RedisPlace) => place.server.command('CLIENT', 'KILL', 'USER', 'app');

async function restarted(place: RedisPlace, signal: NodeJS.Signals): Promise<End> {
  await place.server.kill(signal);
  return () => place.restart();
}

/** What a Redis and its network do to those who ask it. */
export const REDIS_FAULTS: readonly RedisFault[] = [
  {
    name: 'SIGSTOP',
    away: true,
    begin({ server }) {
      server.freeze();
      return () => server.thaw();
    },
  },
  {
    name: 'kill -9, and started again',
    ...{ away: true, forgets: 'begins', recoversMs: DIALS_MS },
    begin: (place) => restarted(place, 'SIGKILL'),
  },
  {
    name: 'shut down in order, and started again',
    ...{ away: true, forgets: 'begins', recoversMs: DIALS_MS },
    begin: (place) => restarted(place, 'SIGTERM'),
  },
  ...networkFaults<RedisPlace>(60_000, DIALS_MS),
  ...[
    '*2147483647\r\n',
    '$9223372036854775807\r\n',
    '$-2\r\n',
    '%1\r\n',
    '*1\r\n'.repeat(9),
    `+${'x'.repeat(2 << 20)}\r\n`,
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    '\0',
  ].map((bytes) =>
    wireFault<RedisPlace>(
      `replies with ${JSON.stringify(bytes.length > 50 ? `${bytes.slice(0, 8)}...` : bytes)} in front`,
      { kind: 'insert', bytes },
      { away: true, recoversMs: DIALS_MS },
    ),
  ),
  setting('out of memory', { maxmemory: 1 }, { maxmemory: 0 }, { away: true, says: /OOM/ }),
  setting(
    'too few replicas to write',
    { 'min-replicas-to-write': 1 },
    { 'min-replicas-to-write': 0 },
    { away: true, says: /NOREPLICAS/ },
  ),
  {
    name: 'a disk that is full: MISCONF',
    ...{ away: true, says: /MISCONF/ },
    async begin(place) {
      await place.set('save', '3600 1', 'rdb-key-save-delay', 0);
      await place.set('dir', '/proc/self');
      await place.server.command('BGSAVE');
      while ((await place.server.info('rdb_last_bgsave_status')) !== 'err') await delay(10);
      return async () => {
        await place.set('dir', '/tmp');
        await place.set('save', '');
      };
    },
  },
  user('without the commands: NOPERM', ['-@all'], ['+@all'], { away: true, says: /NOPERM/ }),
  user('without the keys: NOPERM', ['resetkeys'], ['~*'], { away: true, says: /NOPERM/ }),
  {
    name: 'another password: WRONGPASS',
    ...{ away: true, says: /WRONGPASS/, recoversMs: DIALS_MS },
    async begin(place) {
      await place.user('resetpass', '>other');
      await killUser(place);
      return () => place.user('>secret');
    },
  },
  {
    name: 'a user that is switched off',
    ...{ away: true, says: /WRONGPASS/, recoversMs: DIALS_MS },
    async begin(place) {
      await place.user('off');
      await killUser(place);
      return () => place.user('on');
    },
  },
  {
    name: 'a replica: READONLY',
    // Its connection is left for another.
    ...{ away: true, says: /READONLY/, recoversMs: DIALS_MS },
    async begin({ server }) {
      await server.command('REPLICAOF', '127.0.0.1', '1');
      return () => server.command('REPLICAOF', 'NO', 'ONE');
    },
  },
  {
    name: 'a script that does not end: BUSY',
    ...{ away: true, says: /BUSY/ },
    async begin(place) {
      await place.set('busy-reply-threshold', 50);
      const other = await place.server.connect();
      const busy = other.send('EVAL', 'while true do end', 0).catch(() => {});
      return async () => {
        await place.server.command('SCRIPT', 'KILL');
        await busy;
        await other.close();
      };
    },
  },
  {
    name: 'a data set that is read again: LOADING',
    ...{ away: true, says: /LOADING/ },
    async begin(place, ms) {
      const other = await place.server.connect();
      const slices = 100;
      // Between keys that fill a buffer it looks after its clients.
      for (let i = 0; i < slices; i++) await other.send('SET', `slice-${i}`, 'x'.repeat(4_096));
      await place.set('rdbcompression', 'no', 'loading-process-events-interval-bytes', 1_024);
      await place.set('key-load-delay', Math.ceil((ms * 1_000) / slices));
      const read = other.send('DEBUG', 'RELOAD');
      return async () => {
        await place.set('key-load-delay', 0);
        await read;
        for (let i = 0; i < slices; i++) await other.send('DEL', `slice-${i}`);
        await other.close();
      };
    },
  },
  {
    name: 'one key that is a list: WRONGTYPE',
    async begin({ server }) {
      const keys = ((await server.command('KEYS', '*open*all*')) as string[]).filter(Boolean);
      // In one step: a check in between would make the key anew.
      const swap = `redis.call('RENAME', KEYS[1], KEYS[2]) return redis.call('LPUSH', KEYS[1], 'x')`;
      for (const key of keys) await server.command('EVAL', swap, '2', key, `${key}-away`);
      return async () => {
        for (const key of keys) await server.command('RENAME', `${key}-away`, key);
      };
    },
  },
  {
    name: 'too many clients',
    ...{ away: true, says: /max number of clients/, recoversMs: DIALS_MS },
    async begin(place) {
      // The test's own connection is the one.
      await place.set('maxclients', 1);
      await killUser(place);
      return () => place.set('maxclients', 10_000);
    },
  },
  {
    name: 'CLIENT PAUSE',
    away: true,
    ms: 2_500,
    async begin({ server }, ms) {
      await server.command('CLIENT', 'PAUSE', ms + 200, 'ALL');
      return () => {};
    },
  },
  {
    name: 'FLUSHALL',
    forgets: 'begins',
    async begin({ server }) {
      await server.command('FLUSHALL');
      return () => {};
    },
  },
  repeated('SCRIPT FLUSH every 10 ms', 10, ({ server }) => server.command('SCRIPT', 'FLUSH')),
  repeated('connections killed every 50 ms', 50, killUser),
  ...blockedLoops<RedisPlace>(),
  ...[2 * HOUR, -2 * HOUR].map((ms): RedisFault => ({
    name: `a clock that jumps by ${ms / HOUR} hours, and back`,
    forgets: 'begins and ends',
    begin({ clock }) {
      clock.skew(ms);
      return () => clock.skew(0);
    },
  })),
];
