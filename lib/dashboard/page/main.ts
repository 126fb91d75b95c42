import type { Change } from '../../rules/change';
import type { Limited, Overview } from '../types';
import { get, reasonOf, Refused } from './api';
import { changesTable } from './changes-view';
import { byId, h, put } from './dom';
import { LimitedView, PAGE } from './limited-view';
import { figures, storeState, totals } from './overview-view';
import { searchView } from './search-view';
import { SubjectView } from './subject-view';
import { ago } from './text';

const EVERY_MS = 2_000;
const CHART_EVERY_MS = 15_000;

let overview: Overview | undefined;
let subject: SubjectView | undefined;
let answeredMs = 0;
let chartedMs = -Infinity;

const limited = new LimitedView(() => void refresh());
const top = h('div', { class: 'columns' });
const charts = h('div', {});
const changes = h('div', {});
const home = h(
  'div',
  { class: 'home' },
  top,
  limited.element,
  charts,
  h(
    'section',
    { class: 'card', 'aria-labelledby': 'changes' },
    h('h2', { id: 'changes' }, 'Changed by hand'),
    changes,
  ),
);

/** What the address of the page says. */
function route(): void {
  const [, name = '', value = ''] = /^#\/([a-z]*)\/?(.*)$/.exec(location.hash) ?? [];
  const text = decodeURIComponent(value);
  subject = name === 'subject' ? new SubjectView(text, () => overview) : undefined;
  const view = subject?.element ?? (name === 'find' ? searchView(text) : home);
  put(byId('main'), view);
  put(byId('said'));
  chartedMs = -Infinity;
  if (name === 'find') (byId('text') as HTMLInputElement).value = text;
  window.scrollTo(0, 0);
  void refresh();
}

async function refresh(): Promise<void> {
  try {
    overview = await get<Overview>('overview');
    answeredMs = performance.now();
    limited.offer(overview);
    offerLinks(overview);
    if (subject !== undefined) await subject.load();
    else if (home.isConnected) await showHome(overview);
    tellConnection();
  } catch (error) {
    tellConnection(error);
  }
}

function offerLinks({ links }: Overview): void {
  const place = byId('links');
  if (place.childElementCount === links.length) return;
  put(place, ...links.map(({ text, href }) => h('a', { href }, text)));
}

async function showHome(of: Overview): Promise<void> {
  put(top, storeState(of), totals(of));
  const { kind, rule, offset } = limited.filter;
  try {
    limited.show(
      await get<Limited>('limited', {
        kind: kind === '' ? undefined : kind,
        rule: rule === '' ? undefined : rule,
        offset: String(offset),
        limit: String(PAGE),
      }),
    );
  } catch (error) {
    limited.fail(reasonOf(error));
  }
  try {
    put(changes, changesTable((await get<readonly Change[]>('changes')).slice(0, 20)));
  } catch (error) {
    put(changes, h('p', { class: 'bad' }, reasonOf(error)));
  }
  if (performance.now() - chartedMs < CHART_EVERY_MS) return;
  chartedMs = performance.now();
  // An opened table of figures stays open.
  const isOpen = charts.querySelector('details')?.open === true;
  put(charts, figures(of));
  if (isOpen) charts.querySelector('details')?.setAttribute('open', '');
}

function tellConnection(error?: unknown): void {
  const place = byId('connection');
  const isGone = error instanceof Refused && error.status === 401;
  const old = answeredMs === 0 ? '' : ` What is shown was so ${ago(performance.now() - answeredMs)}.`;
  const text = error === undefined ? '' : `${reasonOf(error)}${isGone ? '' : old}`;
  if (place.textContent !== text) put(place, text);
}

byId('search').addEventListener('submit', (event) => {
  event.preventDefault();
  location.hash = `#/find/${encodeURIComponent((byId('text') as HTMLInputElement).value.trim())}`;
});
addEventListener('hashchange', () => {
  route();
  byId('main').focus();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  chartedMs = -Infinity;
  void refresh();
});

/** One after the other, and only while somebody sees the page. */
async function poll(): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.visibilityState === 'visible' && document.querySelector('dialog') === null) await refresh();
  }
}

route();
void poll();
