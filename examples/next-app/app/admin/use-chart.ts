'use client';

import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Legend,
  LinearScale,
  Tooltip,
  type ChartConfiguration,
} from 'chart.js';
import { useEffect, useRef, type RefObject } from 'react';

// Only what is drawn here; the rest of the library stays out of the bundle.
Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, Tooltip);

export type BarConfig = ChartConfiguration<'bar', number[], string>;

/** Of the datasets, in their order. */
const COLORS = ['--calm', '--full', '--unchecked'];

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A canvas knows nothing of the page's style sheet, so its colors are read from there, again when they change. */
function paint(chart: Chart<'bar', number[], string>) {
  const { datasets } = chart.data;
  datasets.forEach((dataset, i) => (dataset.backgroundColor = color(COLORS[i]!)));
  const { plugins, scales = {} } = chart.options;
  if (plugins?.legend?.labels) plugins.legend.labels.color = color('--quiet');
  for (const scale of Object.values(scales)) {
    if (scale?.ticks) scale.ticks.color = color('--quiet');
    if (scale?.grid) scale.grid.color = color('--line');
  }
}

/** Keeps a chart in a canvas: made once, then given new data; `update` writes the data into it. */
export function useChart(
  config: () => BarConfig,
  update: (chart: Chart<'bar', number[], string>) => void,
): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<Chart<'bar', number[], string>>(null);
  const makeConfig = useRef(config);

  useEffect(() => {
    const made = new Chart(canvas.current!, makeConfig.current());
    chart.current = made;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => {
      paint(made);
      made.update('none');
    };
    repaint();
    dark.addEventListener('change', repaint);
    return () => {
      dark.removeEventListener('change', repaint);
      made.destroy();
    };
  }, []);

  useEffect(() => {
    if (!chart.current) return;
    update(chart.current);
    chart.current.update('none');
  }, [update]);

  return canvas;
}
