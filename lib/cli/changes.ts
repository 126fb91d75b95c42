import { changeText, shownId } from '../base/text';
import { withLimiter, type StoreFlags } from './open';
import { columns, say, sayJson } from './text';

const WIDTHS = [20, 24, 10, 36];

/** Who changed what by hand, the newest in front. */
export async function changes(flags: StoreFlags): Promise<number> {
  const found = await withLimiter(flags, (limiter) => limiter.changes());
  if (flags.json === true) {
    sayJson(found);
    return 0;
  }
  if (found.length === 0) {
    say('Nothing was changed by hand.');
    return 0;
  }
  say(columns(['WHEN', 'WHO', 'WHAT', 'WHOM', 'VALUE'], WIDTHS));
  for (const { at, by = '', kind, subject = 'all', value } of found) {
    const when = new Date(at).toISOString().slice(0, 19);
    const given = shownId(changeText(kind, value));
    say(columns([when, shownId(by), kind, shownId(subject), given], WIDTHS));
  }
  return 0;
}
