import type { Limited, LimitedSubject, Looked, Overview } from '../types';
import { liftButton } from './actions';
import { h, put, table, type Column } from './dom';
import { ruleColumn, untilCell, usedCell, whoCell } from './subject-cells';
import { ago, kindText, many } from './text';

export const PAGE = 50;

export interface Filter {
  kind: string;
  rule: string;
  offset: number;
}

const STATES = { blocked: 'blocked', limited: 'at its limit', denied: 'has room again' } as const;
const KINDS = ['organization', 'user', 'ip', 'apiKey', 'custom', 'endpoint', 'global'];

/** Who is limited now: any kind, by which rule, how far over, since when, until when; and a way to lift it. */
export class LimitedView {
  readonly element: HTMLElement;
  readonly filter: Filter = { kind: '', rule: '', offset: 0 };
  private readonly body = h('div', {});
  private readonly rules = h('select', { id: 'rule', change: () => this.choose() });
  private readonly kinds = h(
    'select',
    { id: 'kind', change: () => this.choose() },
    h('option', { value: '' }, 'all kinds'),
    ...KINDS.map((kind) => h('option', { value: kind }, kindText(kind))),
  );

  constructor(private readonly changed: () => void) {
    this.element = h(
      'section',
      { class: 'card', 'aria-labelledby': 'limited' },
      h('h2', { id: 'limited' }, 'Limited now'),
      h(
        'p',
        { class: 'filters' },
        h('label', { for: 'kind' }, 'Kind ', this.kinds),
        h('label', { for: 'rule' }, 'Rule ', this.rules),
      ),
      this.body,
    );
  }

  /** The rules that can be chosen. */
  offer({ config }: Overview): void {
    const ids = [...Object.values(config.plans).flat(), ...(config.rate ?? []), ...config.rules].map(
      ({ id }) => id,
    );
    const texts = ['', ...new Set(ids)];
    if (this.rules.options.length === texts.length) return;
    put(this.rules, ...texts.map((id) => h('option', { value: id }, id === '' ? 'all rules' : id)));
    this.rules.value = this.filter.rule;
  }

  show({ items, total, looked, now }: Limited): void {
    const { offset } = this.filter;
    const columns: Column<LimitedSubject>[] = [
      { head: 'Who', cell: (one) => whoCell(one, one.kind) },
      ruleColumn(),
      { head: 'State', cell: ({ state }) => h('span', { class: `chip ${state}` }, STATES[state]) },
      {
        head: 'Used',
        isNumber: true,
        cell: ({ state, count, limit }) => (state === 'blocked' ? '–' : usedCell(count, limit)),
      },
      { head: 'Denied', isNumber: true, cell: (one) => deniedText(one) },
      { head: 'Since', cell: ({ since }) => (since === null ? '–' : ago(now - since)) },
      { head: 'Room again', cell: ({ until }) => untilCell(until, now) },
      {
        head: 'Do',
        cell: (one) => liftButton({ subject: one.subject, name: one.key }, this.changed),
      },
    ];
    // The focus and what is read stay where they are while nothing else is there.
    const focused = document.activeElement?.getAttribute('aria-label');
    put(
      this.body,
      items.length > 0
        ? table('Limited now', columns, items)
        : h(
            'p',
            { class: 'dim' },
            looked.done || looked.at !== null ? 'Nobody is limited.' : 'Nobody so far.',
          ),
      total > PAGE && this.pager(total, offset),
      h('p', { class: 'dim' }, lookedText(looked, now)),
    );
    if (focused !== null && focused !== undefined) {
      this.body.querySelector<HTMLElement>(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  /** While the server does not answer. */
  fail(reason: string): void {
    put(this.body, h('p', { class: 'bad' }, reason));
  }

  private pager(total: number, offset: number): HTMLElement {
    const go = (to: number) => () => {
      this.filter.offset = to;
      this.changed();
    };
    const last = Math.min(total, offset + PAGE);
    return h(
      'p',
      { class: 'pager' },
      h('button', { type: 'button', disabled: offset === 0, click: go(offset - PAGE) }, 'Back'),
      ` ${many(offset + 1)} to ${many(last)} of ${many(total)} `,
      h('button', { type: 'button', disabled: last >= total, click: go(offset + PAGE) }, 'Next'),
    );
  }

  private choose(): void {
    Object.assign(this.filter, { kind: this.kinds.value, rule: this.rules.value, offset: 0 });
    this.changed();
  }
}

function deniedText({ denied, deniedBy }: LimitedSubject): string {
  if (denied === null) return '–';
  return deniedBy === 'process' ? `${many(denied)} here` : many(denied);
}

function lookedText(
  { counted, atLimit, blocked, ofSeveralPlans, done, error, at }: Looked,
  now: number,
): string {
  if (error !== null) return `Not all that is counted could be looked at: ${error}`;
  const found = `${many(counted)} counted, ${many(atLimit)} at their limit, ${many(blocked)} blocked`;
  const open = ofSeveralPlans === 0 ? '' : `; of ${many(ofSeveralPlans)} only their plan knows the limit`;
  if (!done) return `Still looking: ${found} so far${open}.`;
  return `${found}${open}${at === null ? '' : `, ${ago(now - at)}`}.`;
}
