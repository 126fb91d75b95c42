import { durationText, shownId } from '../../base/text';
import type { Overview } from '../types';
import { hoursChart, type Series } from './charts';
import { h, table } from './dom';
import { ago, many, percent, timeOf } from './text';

export const OUTCOMES: readonly Series[] = [
  { name: 'admitted', label: 'Admitted', colour: '--good' },
  { name: 'denied', label: 'Denied', colour: '--bad' },
  { name: 'undecided', label: 'Not counted', colour: '--warn' },
];

/** The state of the store, of its breaker and of the fleet, with the reason and since when. */
export function storeState({ health, stats, now }: Overview): HTMLElement {
  const healthy = health?.healthy === true;
  const { breaker, serverVersion } = health ?? stats;
  const reason = health?.lastError ?? stats.lastError ?? 'it does not answer';
  const store = `${stats.store}${serverVersion === null ? '' : ` ${serverVersion}`}`;
  const lines = [
    healthy
      ? `${store} counts${latencyText(health.latencyMs)}`
      : `${store} does not count: ${shownId(reason)}`,
    ...(health === null || health.awaySince === null
      ? []
      : [`Since ${timeOf(health.awaySince)}, ${ago(now - health.awaySince)}.`]),
    ...(breaker.state === 'closed' ? [] : [breakerText(breaker, now)]),
    ...(health !== null && !health.enabled ? ['RATELIMIT_ENABLE is off: everything is admitted.'] : []),
    ...(healthy && health.connectedSince !== null
      ? [`Connected for ${durationText(now - health.connectedSince)}.`]
      : []),
    ...(stats.reconnects > 0
      ? [`${many(stats.reconnects)} reconnects, ${many(stats.timeouts)} timeouts.`]
      : []),
    ...(stats.sharedRules?.error ? [`Shared rules: ${shownId(stats.sharedRules.error)}`] : []),
    ...(stats.stores ?? []).map(
      (one) =>
        `${one.store}${one.inUse ? ', in use' : ''}: ${one.healthy ? 'healthy' : shownId(one.lastError ?? 'away')}`,
    ),
  ];
  return h(
    'section',
    { class: `card state ${healthy ? 'good' : 'bad'}`, 'aria-labelledby': 'store' },
    h('h2', { id: 'store' }, healthy ? 'Store is healthy' : 'Store is away'),
    h('ul', {}, ...lines.map((line) => h('li', {}, line))),
  );
}

function breakerText(
  { state, failures, nextAttempt, address }: Overview['stats']['breaker'],
  now: number,
): string {
  const next = nextAttempt === null ? '' : `, tried again in ${durationText(nextAttempt - now)}`;
  const whose = address === '' ? '' : ` of ${shownId(address)}`;
  return `The breaker${whose} is ${state} after ${many(failures)} failures in a row${next}.`;
}

const latencyText = (ms: number | null) => (ms === null ? '' : `, in ${ms.toFixed(1)} ms`);

/** What is decided where: the fleet where it is counted, else this process. */
export function totals({ fleet, hasFleet, stats }: Overview): HTMLElement {
  const own = stats.decisions;
  const figures: [string, string][] =
    fleet === null
      ? [
          ['Admitted here', many(own.ok + own.bypass + own.unlimited)],
          ['Denied here', many(own.limit + own.blocked + own['never-fits'] + own.denied)],
          ['Not counted here', many(own.unavailable)],
        ]
      : [
          ['Requests a minute', many(Math.round(fleet.requestsPerMinute))],
          ['Denied, 24 h', `${many(fleet.denied)} (${percent(fleet.denialRate)})`],
          ['Not counted, 24 h', many(fleet.undecided)],
        ];
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'totals' },
    h('h2', { id: 'totals' }, fleet === null ? 'This process' : 'The fleet'),
    h(
      'dl',
      { class: 'figures' },
      ...figures.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    ),
    fleet === null &&
      h(
        'p',
        { class: 'dim' },
        hasFleet
          ? 'What all processes counted is in the store, which does not answer.'
          : 'With analytics: true the limiter counts for all processes together.',
      ),
  );
}

/** Admitted, denied and not counted: by the hour, by rule, by endpoint. */
export function figures(overview: Overview): HTMLElement {
  const { fleet, stats, now } = overview;
  if (fleet === null)
    return h('section', { class: 'card' }, h('h2', {}, 'By rule'), ownRules(stats.rules, now));
  const counts = [
    ...OUTCOMES.map(({ name, label }) => ({
      head: label,
      isNumber: true,
      cell: (row: { readonly admitted: number; readonly denied: number; readonly undecided: number }) =>
        many(row[name as 'admitted']),
    })),
  ];
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'figures' },
    h('h2', { id: 'figures' }, 'The last 24 hours'),
    hoursChart('Decisions by the hour', fleet.byHour, OUTCOMES),
    h('h3', {}, 'By rule'),
    table(
      'By rule',
      [{ head: 'Rule', cell: ({ rule }) => h('code', {}, shownId(rule)) }, ...counts],
      fleet.rules,
    ),
    fleet.endpoints.length > 0 && h('h3', {}, 'By endpoint'),
    fleet.endpoints.length > 0 &&
      table(
        'By endpoint',
        [{ head: 'Endpoint', cell: ({ endpoint }) => h('code', {}, shownId(endpoint)) }, ...counts],
        [...fleet.endpoints].sort((a, b) => b.denied - a.denied || b.admitted - a.admitted).slice(0, 20),
      ),
  );
}

function ownRules(rules: Overview['stats']['rules'], now: number): HTMLElement {
  if (rules.length === 0) return h('p', { class: 'dim' }, 'This process has checked nothing yet.');
  return table(
    'By rule, in this process',
    [
      { head: 'Rule', cell: ({ rule }) => h('code', {}, shownId(rule)) },
      { head: 'By', cell: ({ source }) => source },
      { head: 'Admitted', isNumber: true, cell: ({ admitted }) => many(admitted) },
      { head: 'Denied', isNumber: true, cell: ({ denied }) => many(denied) },
      {
        head: 'Last denial',
        cell: ({ lastDeniedAt }) => (lastDeniedAt === null ? '–' : ago(now - lastDeniedAt)),
      },
    ],
    rules,
  );
}
