// Callers that each ask again as soon as they are answered, on keys at random: what the benchmarks of databases have in common.
import { median } from './measure.mjs';

export const SECONDS = 2;
export const ROUNDS = 5;
export const KEYS = 10_000;

/** Checks a second of so many callers. @param check asks for a key, and rejects where that was not counted */
export async function speed(check, inFlight, keys, seconds = SECONDS) {
  const startMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  let done = 0;
  const caller = async (seed) => {
    let state = seed + 1;
    while (performance.now() < endMs) {
      state = (state * 48_271) % 2_147_483_647;
      await check(`org-${state % keys}`);
      done++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, i) => caller(i * 7_919)));
  return (done / (performance.now() - startMs)) * 1_000;
}

/**
 * Contenders by turns, after a round that does not count, on many keys and on one, with one call and with many in flight.
 * @param tell called with each case, and the checks a second (medians) by contender
 */
export async function compare(contenders, tell) {
  for (const keys of [KEYS, 1]) {
    for (const inFlight of [1, 256]) {
      const taken = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
      for (let round = 0; round <= ROUNDS; round++) {
        for (const [name, check] of Object.entries(contenders)) {
          const perSecond = await speed(check, inFlight, keys);
          if (round > 0) taken[name].push(perSecond);
        }
      }
      const medians = Object.entries(taken).map(([name, all]) => [name, median(all)]);
      tell(`${keys} keys, ${inFlight} in flight`, Object.fromEntries(medians));
    }
  }
}

/** Tells what a check takes where there are a thousand keys, and where there are a million. @param fill makes so many */
export async function tellGrowth(check, fill) {
  const micros = async (keys) => {
    await fill(keys);
    await speed(check, 1, keys);
    const all = [];
    for (let round = 0; round < ROUNDS; round++) all.push(1e6 / (await speed(check, 1, keys)));
    return median(all);
  };
  const few = await micros(1_000);
  const many = await micros(1_000_000);
  console.log(
    `a check at 1,000 keys ${few.toFixed(0)} us, at 1,000,000 ${many.toFixed(0)} us: ${(many / few).toFixed(2)}`,
  );
}
