/**
 * Faults at random, one after the other, for as long as SPILLWAY_SOAK_MINUTES says (default: half a minute), on one of each
 * store. `npm run soak -- 120` plays two hours.
 */
import { random } from '../support/sequences';
import { MYSQL_FAULTS } from './mysql-faults';
import { MysqlPlace } from './mysql-place';
import { play, type Fault, type Place } from './play';
import { POSTGRES_FAULTS } from './postgres-faults';
import { PostgresPlace } from './postgres-place';
import { REDIS_FAULTS } from './redis-faults';
import { RedisPlace } from './redis-place';
import { SEED } from './seed';

const MINUTES = Number(process.env.SPILLWAY_SOAK_MINUTES ?? 0.5);

/** Faults of random lengths that last so long together, with what they need to recover. */
function drawn<P extends Place>(all: readonly Fault<P>[], seed: number): Fault<P>[] {
  const next = random(seed);
  const faults: Fault<P>[] = [];
  for (let leftMs = MINUTES * 60_000; leftMs > 0;) {
    const fault = all[next(all.length)]!;
    // What lasts longer by itself is cut short.
    const ms = 1_200 + next(3_000);
    faults.push({ ...fault, ms });
    leftMs -= ms + 1_000;
  }
  return faults;
}

async function soak<P extends Place>(place: P, all: readonly Fault<P>[]): Promise<void> {
  const again = `npm run soak -- ${MINUTES} ${SEED}`;
  console.log(`${place.store}: seed ${SEED}; play it again: ${again}`);
  try {
    await play(place, drawn(all, SEED), SEED, again);
  } finally {
    await place.close();
  }
}

const withinMs = MINUTES * 60_000 * 3 + 120_000;
test('on Redis', async () => soak(await RedisPlace.start(), REDIS_FAULTS), withinMs);
test('on MariaDB', async () => soak(await MysqlPlace.start(), MYSQL_FAULTS), withinMs);
test('on PostgreSQL', async () => soak(await PostgresPlace.start(), POSTGRES_FAULTS), withinMs);
