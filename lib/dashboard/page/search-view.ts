import { shownId } from '../../base/text';
import type { Found } from '../types';
import type { ListedKey } from '../../stores/types';
import { get, reasonOf } from './api';
import { liftButton } from './actions';
import { h, put, table } from './dom';
import { ruleColumn, untilCell, usedCell, whoCell } from './subject-cells';
import { many } from './text';

/** What is counted under a text, page by page. */
export function searchView(text: string): HTMLElement {
  const found: ListedKey[] = [];
  const body = h('div', {}, h('p', { class: 'dim' }, 'Looking …'));
  const load = async (cursor?: string): Promise<void> => {
    try {
      const page = await get<Found>('find', { text, cursor });
      found.push(...page.items);
      show(page.cursor);
    } catch (error) {
      put(body, h('p', { class: 'bad', role: 'alert' }, reasonOf(error)));
    }
  };
  const again = () => {
    found.length = 0;
    void load();
  };
  const show = (cursor: string) => {
    const now = Date.now();
    // The store may tell a key twice.
    const items = [...new Map(found.map((one) => [`${one.rule} ${one.subject}`, one])).values()];
    put(
      body,
      h(
        'p',
        { role: 'status' },
        items.length === 0 ? 'Nobody is counted under that.' : `${many(items.length)} found`,
      ),
      items.length > 0 &&
        table(
          'Found',
          [
            { head: 'Who', cell: (one) => whoCell(one, one.scope) },
            ruleColumn<ListedKey>(),
            { head: 'State', cell: (one) => stateChip(one) },
            { head: 'Used', isNumber: true, cell: ({ count, limit }) => usedCell(count, limit) },
            { head: 'Window ends', cell: ({ resetTime }) => untilCell(resetTime, now) },
            { head: 'Do', cell: ({ subject, key }) => liftButton({ subject, name: key }, again) },
          ],
          items,
        ),
      cursor !== '' && h('p', {}, h('button', { type: 'button', click: () => void load(cursor) }, 'More')),
    );
  };
  void load();
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'found' },
    h('h2', { id: 'found' }, text === '' ? 'All that is counted' : `Found for “${shownId(text)}”`),
    body,
  );
}

export function stateChip({ blocked, count, limit }: ListedKey): HTMLElement {
  if (blocked) return h('span', { class: 'chip blocked' }, 'blocked');
  if (limit === undefined) return h('span', { class: 'chip' }, 'counted');
  return count >= limit
    ? h('span', { class: 'chip limited' }, 'at its limit')
    : h('span', { class: 'chip' }, 'has room');
}
