/** Every fault of a Redis, one at a time, under load. */
import { play, type Fault } from './play';
import { DIALS_MS, REDIS_FAULTS } from './redis-faults';
import { RedisPlace } from './redis-place';
import { SEED } from './seed';
import { networkFaults } from './wire-faults';

const named = (faults: readonly Fault<RedisPlace>[]) => faults.map((fault) => [fault.name, fault] as const);

async function playAlone(fault: Fault<RedisPlace>, where?: { tls: boolean }): Promise<void> {
  const place = await RedisPlace.start(where);
  try {
    const again = `SPILLWAY_SEED=${SEED} npm test -- --jest redis-faults -t '${fault.name}'`;
    await play(place, [fault], SEED, again);
  } finally {
    await place.close();
  }
}

test.concurrent.each(named(REDIS_FAULTS))('%s', (_name, fault) => playAlone(fault), 120_000);

describe('over TLS', () => {
  const faults = networkFaults<RedisPlace>(6_000, DIALS_MS);
  test.concurrent.each(named(faults))('%s', (_name, fault) => playAlone(fault, { tls: true }), 120_000);
});
