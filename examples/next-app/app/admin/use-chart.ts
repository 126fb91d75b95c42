'use client';

import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  LinearScale,
  Tooltip,
  type ChartConfiguration,
} from 'chart.js';
import { useEffect, useRef, type RefObject } from 'react';

// Only what is drawn here; the rest of the library stays out of the bundle.
Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

export type BarConfig = ChartConfiguration<'bar', number[], string>;
export type BarChart = Chart<'bar', number[], string>;

/**
 * A color of the style sheet, of which a canvas knows nothing. For the chart's options it is a function, which the
 * library asks again at every update.
 */
export const color = (name: string) => () =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Keeps a chart in a canvas: made once by `config`, then given new data by `update`. */
export function useChart(
  config: () => BarConfig,
  update: (chart: BarChart) => void,
): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<BarChart>(null);
  const makeConfig = useRef(config);

  useEffect(() => {
    const made = new Chart(canvas.current!, makeConfig.current());
    chart.current = made;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => made.update();
    dark.addEventListener('change', repaint);
    return () => {
      dark.removeEventListener('change', repaint);
      made.destroy();
    };
  }, []);

  useEffect(() => {
    if (!chart.current) return;
    update(chart.current);
    chart.current.update();
  }, [update]);

  return canvas;
}
