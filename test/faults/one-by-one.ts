import { play, type Fault, type Place } from './play';
import { SEED } from './seed';

/**
 * Declares a test of each fault, one at a time, in one place.
 * @param suite how the file is called that declares them: what fails names the command that plays it again
 */
export function playOneByOne<P extends Place>(
  suite: string,
  start: () => P | Promise<P>,
  faults: readonly Fault<P>[],
): void {
  let place: P;
  beforeAll(async () => {
    place = await start();
  }, 60_000);
  afterAll(() => place.close());

  test.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (name, fault) => {
      const again = `SPILLWAY_SEED=${SEED} npm test -- --jest ${suite} -t '${name}'`;
      await play(place, [fault], SEED, again);
    },
    120_000,
  );
}
