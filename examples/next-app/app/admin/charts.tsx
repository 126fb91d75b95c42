'use client';

import type { Chart } from 'chart.js';
import { useCallback } from 'react';
import type { MetricsSnapshot, Outcomes } from '@/lib/metrics';
import styles from './dashboard.module.css';
import { useChart, type BarConfig } from './use-chart';

type BarChart = Chart<'bar', number[], string>;

const KINDS = [
  { of: 'allowed', label: 'Admitted' },
  { of: 'denied', label: 'Denied' },
  { of: 'unchecked', label: 'Not counted' },
] as const satisfies { of: keyof Outcomes; label: string }[];

const number = new Intl.NumberFormat('en');
const still = typeof window !== 'undefined' && matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Stacked bars, along (`x`) or across (`y`). */
function config(indexAxis: 'x' | 'y'): BarConfig {
  const counts = { stacked: true, beginAtZero: true, ticks: { precision: 0 }, grid: {}, border: { display: false } };
  const names = { stacked: true, ticks: { maxRotation: 0, autoSkipPadding: 24 }, grid: { display: false } };
  return {
    type: 'bar',
    data: {
      labels: [],
      datasets: KINDS.map(({ label }) => ({ label, data: [], borderRadius: 2, maxBarThickness: 22 })),
    },
    options: {
      indexAxis,
      animation: still ? false : { duration: 250 },
      maintainAspectRatio: false,
      interaction: { mode: 'index', axis: indexAxis, intersect: false },
      plugins: {
        legend: { align: 'start', labels: { boxWidth: 10, boxHeight: 10, useBorderRadius: true, borderRadius: 3 } },
      },
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

function ageLabel(steps: number, stepMs: number): string {
  const seconds = (steps * stepMs) / 1_000;
  if (seconds === 0) return 'now';
  return seconds < 60 ? `-${seconds} s` : `-${Math.floor(seconds / 60)} min${seconds % 60 ? ` ${seconds % 60} s` : ''}`;
}

export function OutcomesOverTime({ metrics }: { metrics: MetricsSnapshot | null }) {
  const update = useCallback(
    (chart: BarChart) => {
      if (!metrics) return;
      const { series, stepMs } = metrics;
      const labels = series.map((_, i) => ageLabel(series.length - 1 - i, stepMs));
      fill(chart, labels, series);
    },
    [metrics],
  );
  const canvas = useChart(() => config('x'), update);
  const label = metrics ? `The last ten minutes: ${told(metrics.totals)}` : 'The last ten minutes';
  return (
    <div className={styles.canvas}>
      <canvas ref={canvas} role="img" aria-label={label} />
    </div>
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
