import { durationText, shownId } from '../../base/text';
import type { DeniedSubject } from '../../telemetry/counters';
import type { Overview, SubjectPage } from '../types';
import { blockButton, liftButton, lowerButton, raiseButton } from './actions';
import { get, reasonOf } from './api';
import { changesTable } from './changes-view';
import { hoursChart, type Point } from './charts';
import { h, put, table } from './dom';
import { stateChip } from './search-view';
import { ruleColumn, untilCell, usedCell } from './subject-cells';
import { ago, kindText, many } from './text';

const HOUR_MS = 3_600_000;

/** Everything about one subject, and what can be done about it. */
export class SubjectView {
  readonly element: HTMLElement;
  private readonly body = h('div', {}, h('p', { class: 'dim' }, 'Looking …'));
  private last = '';

  constructor(
    private readonly subject: string,
    private readonly overview: () => Overview | undefined,
  ) {
    this.element = h(
      'section',
      { class: 'card', 'aria-labelledby': 'subject' },
      h('p', {}, h('a', { href: '#/' }, '← Limited now')),
      h('h2', { id: 'subject' }, shownId(subject)),
      this.body,
    );
  }

  async load(): Promise<void> {
    try {
      const page = await get<SubjectPage>('subject', { subject: this.subject });
      // What is being read or focused stays as it is while nothing has changed.
      const seen = JSON.stringify({ ...page, now: Math.floor(page.now / 5_000) });
      if (seen === this.last) return;
      this.last = seen;
      this.show(page);
    } catch (error) {
      this.last = '';
      put(this.body, h('p', { class: 'bad', role: 'alert' }, reasonOf(error)));
    }
  }

  private show(page: SubjectPage): void {
    const { items, now, denials, byHour, override, listed, ownOverride, changes } = page;
    const name = items[0]?.key ?? this.subject;
    const target = { subject: this.subject, name };
    const again = () => {
      this.last = '';
      void this.load();
    };
    const focused = document.activeElement?.getAttribute('aria-label');
    put(
      this.body,
      items[0] !== undefined && h('p', { class: 'dim' }, kindText(items[0].scope)),
      h(
        'p',
        { class: 'actions' },
        liftButton(target, again),
        blockButton(target, again),
        this.overview()?.canRaise === true && raiseButton(target, again),
      ),
      this.overview()?.canRaise === false &&
        h('p', { class: 'dim' }, 'To raise limits here, give the limiter the option sharedRules.'),
      override !== null &&
        h(
          'p',
          { class: 'note' },
          `Has other limits: ${shownId(JSON.stringify(override.override))}`,
          override.expiresAt === undefined ? '' : `, for ${durationText(override.expiresAt - now)} more`,
          override.by === undefined ? '. ' : `, by ${shownId(override.by)}. `,
          this.overview()?.canRaise === true && lowerButton(target, again),
        ),
      listed !== null &&
        h(
          'p',
          { class: 'note' },
          listed === 'allow'
            ? 'Is on the list of those who are never limited.'
            : 'Is on the list of those who are always denied.',
        ),
      ownOverride !== null &&
        h(
          'p',
          { class: 'note' },
          `Has limits of its own in the configuration: ${shownId(JSON.stringify(ownOverride))}`,
        ),
      h('h3', {}, 'Counted'),
      items.length === 0
        ? h('p', { class: 'dim' }, 'Nothing is counted for it now.')
        : table(
            'Counted',
            [
              ruleColumn<SubjectPage['items'][number]>(),
              { head: 'State', cell: stateChip },
              { head: 'Used', isNumber: true, cell: ({ count, limit }) => usedCell(count, limit) },
              { head: 'Window ends', cell: ({ resetTime }) => untilCell(resetTime, now) },
              {
                head: 'Do',
                cell: ({ rule }) => (items.length > 1 ? liftButton(target, again, rule.split(',')[0]) : '–'),
              },
            ],
            items,
          ),
      h('h3', {}, 'Denied'),
      deniedTable(denials, now),
      byHour !== null &&
        byHour.length > 0 &&
        hoursChart('Denials by the hour, in the whole fleet', dayOf(byHour, now), [
          { name: 'denied', label: 'Denied', colour: '--bad' },
        ]),
      h('h3', {}, 'Changed by hand'),
      changesTable(changes),
    );
    if (focused !== null && focused !== undefined) {
      this.body.querySelector<HTMLElement>(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    }
  }
}

/** All of the last 24 hours, also those in which nothing was denied. */
function dayOf(byHour: NonNullable<SubjectPage['byHour']>, now: number): Point[] {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS;
  return Array.from({ length: 24 }, (_, i) => {
    const startMs = last - (23 - i) * HOUR_MS;
    return { startMs, denied: byHour.find((one) => one.startMs === startMs)?.denied ?? 0 };
  });
}

function deniedTable(denials: readonly DeniedSubject[], now: number): HTMLElement {
  if (denials.length === 0) return h('p', { class: 'dim' }, 'This process has not denied it.');
  return table(
    'Denied by this process',
    [
      ruleColumn<DeniedSubject>(),
      {
        head: 'Times',
        isNumber: true,
        cell: ({ count, error }) => `${many(count)}${error > 0 ? ` (at most ${many(error)} less)` : ''}`,
      },
      { head: 'First', cell: ({ firstDeniedAt }) => ago(now - firstDeniedAt) },
      { head: 'Last', cell: ({ lastDeniedAt }) => ago(now - lastDeniedAt) },
    ],
    denials,
  );
}
