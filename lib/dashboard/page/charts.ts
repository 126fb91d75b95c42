import uPlot from 'uplot';
import { h, table } from './dom';
import { many, timeOf } from './text';

export interface Point {
  readonly startMs: number;
  readonly [series: string]: number;
}

export interface Series {
  readonly name: string;
  readonly label: string;
  /** A custom property of the page's style. */
  readonly colour: string;
}

const HEIGHT = 180;
const drawn = new WeakMap<Element, uPlot>();
const resizing = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (contentRect.width > 0) drawn.get(target)?.setSize({ width: contentRect.width, height: HEIGHT });
  }
});

const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Sums by the hour as bars that stand on each other, and the same as a table for whoever sees none. */
export function hoursChart(title: string, points: readonly Point[], series: readonly Series[]): HTMLElement {
  const place = h('div', { class: 'chart', role: 'img', 'aria-label': `${title}, as in the table below` });
  const rows = [...points].reverse();
  const figures = table(
    title,
    [
      { head: 'Hour', cell: ({ startMs }: Point) => timeOf(startMs).slice(0, 5) },
      ...series.map(({ name, label }) => ({
        head: label,
        cell: (point: Point) => many(point[name] ?? 0),
        isNumber: true,
      })),
    ],
    rows,
  );
  // It is as wide as its place, which has a width once it is on the page.
  requestAnimationFrame(() => {
    if (place.isConnected) draw(place, points, series);
  });
  return h(
    'figure',
    {},
    h('figcaption', {}, title),
    place,
    h(
      'ul',
      { class: 'legend', 'aria-hidden': 'true' },
      ...series.map(({ label, name }) => h('li', { class: name }, label)),
    ),
    h('details', {}, h('summary', {}, 'As a table'), figures),
  );
}

function draw(place: HTMLElement, points: readonly Point[], series: readonly Series[]): void {
  const times = points.map(({ startMs }) => startMs / 1_000);
  // The topmost first: each bar hides the foot of the one behind it.
  const stacked = series.map((_, i) =>
    points.map((point) => series.slice(0, i + 1).reduce((sum, { name }) => sum + (point[name] ?? 0), 0)),
  );
  const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
  const axis = {
    stroke: colourOf('--dim'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
  };
  const options: uPlot.Options = {
    width: place.clientWidth || 300,
    height: HEIGHT,
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most)] } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((second) => timeOf(second * 1_000).slice(0, 5)) },
      {
        ...axis,
        size: 56,
        values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? many(tick) : '')),
      },
    ],
    series: [
      {},
      ...[...series].reverse().map(({ label, colour }) => ({
        label,
        paths: bars,
        points: { show: false },
        fill: colourOf(colour),
        stroke: colourOf(colour),
        width: 0,
      })),
    ],
  };
  const chart = new uPlot(options, [times, ...stacked.reverse()], place);
  drawn.set(place, chart);
  resizing.observe(place);
}
