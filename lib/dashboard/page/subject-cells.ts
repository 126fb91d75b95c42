import { durationText, shownId } from '../../base/text';
import { h, type Column } from './dom';
import { kindText, many } from './text';

interface Who {
  readonly subject: string;
  readonly key: string;
}

export const linkTo = (subject: string): string => `#/subject/${encodeURIComponent(subject)}`;

/** Who it is, of which kind, with a link to its page. */
export function whoCell({ subject, key }: Who, kind: string): HTMLElement {
  return h(
    'span',
    { class: 'who' },
    h('span', { class: 'kind' }, kindText(kind)),
    ' ',
    h('a', { href: linkTo(subject) }, shownId(key)),
  );
}

export function usedCell(count: number, limit: number | null | undefined): HTMLElement {
  const text = limit === null || limit === undefined ? many(count) : `${many(count)} of ${many(limit)}`;
  return h('span', {}, text);
}

export function untilCell(until: number | null, now: number): string {
  return until === null || until <= now ? '–' : `in ${durationText(until - now)}`;
}

export function ruleColumn<T extends { readonly rule: string }>(): Column<T> {
  return { head: 'Rule', cell: ({ rule }) => h('code', {}, shownId(rule.split(',').join(', '))) };
}
