import { Status } from '../../decision/status';
import { ResultKind } from '../../decision/result-kind';
import { BLOCKED, type Listing, type Page } from '../listing';
import type { Store } from '../store';

/** States that are asked for at once: beside the checks, whose connection they use. */
const AT_ONCE = 50;

/** A page of names with what their states say, which only the rule's algorithm can read. Those without any are left out. */
export async function readStates(
  store: Pick<Store, 'peek'>,
  listing: Listing,
  page: Page,
): Promise<Page | number> {
  const keys: string[] = [];
  const counts: number[] = [];
  const resetInMs: number[] = [];
  for (let i = 0; i < page.keys.length; i += AT_ONCE) {
    const found = page.keys.slice(i, i + AT_ONCE);
    const readings = await Promise.all(
      found.map((key) => store.peek(listing.set, listing.subjectOf(key), 1, ResultKind.Reading)),
    );
    for (const [place, reading] of readings.entries()) {
      if (typeof reading === 'number') {
        // Somebody else's value says nothing of the others.
        if (reading === -Status.Foreign) continue;
        return -reading;
      }
      if (reading.used === 0 && !reading.blocked) continue;
      keys.push(found[place]!);
      counts.push(reading.blocked ? BLOCKED : reading.used);
      resetInMs.push(reading.resetInMs);
    }
  }
  return { cursor: page.cursor, keys, counts, resetInMs };
}
