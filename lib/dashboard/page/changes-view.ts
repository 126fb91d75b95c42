import { durationText, shownId } from '../../base/text';
import type { Change } from '../../rules/change';
import { h, table } from './dom';
import { linkTo } from './subject-cells';
import { dateOf } from './text';

const WHAT: { readonly [kind: string]: string } = {
  reset: 'lifted',
  block: 'blocked',
  override: 'other limits',
  access: 'listed',
  plans: 'plans',
  rules: 'rules',
};

function valueText({ kind, value }: Change): string {
  if (value === undefined || value === null) return kind === 'override' ? 'ended' : '';
  if (kind === 'block' && typeof value === 'number') return `for ${durationText(value)}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Who changed what by hand, the newest in front. */
export function changesTable(changes: readonly Change[]): HTMLElement {
  if (changes.length === 0) return h('p', { class: 'dim' }, 'Nothing was changed by hand.');
  return table(
    'Changes by hand',
    [
      { head: 'When', cell: ({ at }) => dateOf(at) },
      {
        head: 'Who',
        cell: ({ by, from }) => shownId([by, from].filter((one) => one !== undefined).join(', ')),
      },
      {
        head: 'What',
        cell: (change) => shownId(`${WHAT[change.kind] ?? change.kind} ${valueText(change)}`.trim()),
      },
      {
        head: 'Whom',
        cell: ({ subject }) =>
          subject === undefined ? 'all' : h('a', { href: linkTo(subject) }, shownId(subject)),
      },
    ],
    changes,
  );
}
