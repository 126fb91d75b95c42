'use client';

import { useCallback, type CSSProperties } from 'react';
import type { MetricsSnapshot, Outcomes } from '@/lib/metrics';
import styles from './dashboard.module.css';
import { color, useChart, type BarChart, type BarConfig } from './use-chart';

const KINDS = [
  { of: 'allowed', label: 'Admitted', tone: 'calm' },
  { of: 'denied', label: 'Denied', tone: 'full' },
  { of: 'unchecked', label: 'Not counted', tone: 'unchecked' },
] as const satisfies { of: keyof Outcomes; label: string; tone: string }[];

const number = new Intl.NumberFormat('en');
const time = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });
const quiet = color('quiet');

/** Stacked bars: upright for `x`, lying for `y`. */
function config(indexAxis: 'x' | 'y'): BarConfig {
  const counts = {
    stacked: true,
    beginAtZero: true,
    ticks: { precision: 0, color: quiet },
    grid: { color: color('line') },
    border: { display: false },
  };
  const names = {
    stacked: true,
    ticks: { maxRotation: 0, autoSkip: indexAxis === 'x', autoSkipPadding: 24, color: quiet },
    grid: { display: false },
  };
  const datasets = KINDS.map(({ label, tone }) => ({
    label,
    data: [],
    backgroundColor: color(tone),
    borderRadius: 2,
    maxBarThickness: 22,
  }));
  return {
    type: 'bar',
    data: { labels: [], datasets },
    options: {
      indexAxis,
      // New figures come every two seconds; moving bars would never rest.
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: 'index', axis: indexAxis, intersect: false },
      scales: indexAxis === 'x' ? { x: names, y: counts } : { x: counts, y: names },
    },
  };
}

function fill(chart: BarChart, labels: string[], rows: Outcomes[]) {
  chart.data.labels = labels;
  KINDS.forEach(({ of }, i) => (chart.data.datasets[i]!.data = rows.map((row) => row[of])));
}

const told = ({ allowed, denied, unchecked }: Outcomes) =>
  `${number.format(allowed)} admitted, ${number.format(denied)} denied, ${number.format(unchecked)} not counted`;

/** The library's own would be drawn into the canvas, in a color that it reads once. */
function Legend() {
  return (
    <ul className={styles.legend} aria-hidden="true">
      {KINDS.map(({ of, label, tone }) => (
        <li key={of} style={{ '--tone': `var(--${tone})` } as CSSProperties}>
          {label}
        </li>
      ))}
    </ul>
  );
}

export function OutcomesOverTime({ metrics }: { metrics: MetricsSnapshot | null }) {
  const update = useCallback(
    (chart: BarChart) => {
      if (!metrics) return;
      const { series, stepMs, from } = metrics;
      const labels = series.map((_, i) => time.format(from + i * stepMs));
      fill(chart, labels, series);
    },
    [metrics],
  );
  const canvas = useChart(() => config('x'), update);
  const label = metrics ? `The last ten minutes: ${told(metrics.totals)}` : 'The last ten minutes';
  return (
    <>
      <Legend />
      <div className={styles.canvas}>
        <canvas ref={canvas} role="img" aria-label={label} />
      </div>
    </>
  );
}

export function OutcomesByRoute({ metrics }: { metrics: MetricsSnapshot | null }) {
  const update = useCallback(
    (chart: BarChart) => {
      const routes = metrics?.routes ?? [];
      fill(
        chart,
        routes.map(({ route }) => route.replace('/api/', '')),
        routes,
      );
    },
    [metrics],
  );
  const canvas = useChart(() => config('y'), update);
  const routes = metrics?.routes ?? [];
  return (
    <>
      <Legend />
      <div className={styles.canvas}>
        <canvas ref={canvas} role="img" aria-label="Decisions by route; the table below has the numbers" />
      </div>
      <details className={styles.table}>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Route</th>
              {KINDS.map(({ of, label }) => (
                <th key={of} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {routes.map(({ route, ...outcomes }) => (
              <tr key={route}>
                <th scope="row">{route}</th>
                {KINDS.map(({ of }) => (
                  <td key={of}>{number.format(outcomes[of])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}
