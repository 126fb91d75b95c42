import type { Decision } from 'spillway';
import { shared } from './shared';

/** How decisions came out. `unchecked`: admitted without being counted, because Redis did not answer. */
export interface Outcomes {
  allowed: number;
  denied: number;
  unchecked: number;
}

export interface MetricsSnapshot {
  /** When the first step of `series` began, in ms since the epoch, and how long each is. */
  from: number;
  stepMs: number;
  /** Oldest first; the last one is still being filled. */
  series: Outcomes[];
  /** Over all of `series`. */
  totals: Outcomes;
  /** The same by route, the busiest first. */
  routes: ({ route: string } & Outcomes)[];
  /** Decisions per second over the last ten seconds. */
  perSecond: number;
}

const STEP_MS = 10_000;
const STEPS = 60;
const RECENT_MS = 10_000;

const none = (): Outcomes => ({ allowed: 0, denied: 0, unchecked: 0 });

function add(to: Outcomes, more: Outcomes) {
  to.allowed += more.allowed;
  to.denied += more.denied;
  to.unchecked += more.unchecked;
}

const sum = ({ allowed, denied, unchecked }: Outcomes) => allowed + denied + unchecked;

function outcomeOf({ allowed, source }: Pick<Decision, 'allowed' | 'source'>): keyof Outcomes {
  if (!allowed) return 'denied';
  return source === 'none' ? 'unchecked' : 'allowed';
}

/**
 * The last ten minutes of this process, in a ring of 60 slots. A slot remembers which step of time it holds, so nothing
 * has to run by itself: an old slot is emptied by whoever writes to it next, and left out by whoever reads.
 */
export class Metrics {
  private readonly slots = Array.from({ length: STEPS }, () => ({
    step: -1,
    routes: new Map<string, Outcomes>(),
  }));
  private readonly seconds = Array.from({ length: RECENT_MS / 1_000 }, () => ({ second: -1, count: 0 }));

  constructor(private readonly now: () => number = Date.now) {}

  /** @param route one of the app's own names, never what a request brings: each one takes memory */
  record(route: string, decision: Pick<Decision, 'allowed' | 'source'>): void {
    const now = this.now();
    const step = Math.floor(now / STEP_MS);
    const slot = this.slots[step % STEPS]!;
    if (slot.step !== step) {
      slot.step = step;
      slot.routes.clear();
    }
    let outcomes = slot.routes.get(route);
    if (!outcomes) slot.routes.set(route, (outcomes = none()));
    outcomes[outcomeOf(decision)]++;

    const second = Math.floor(now / 1_000);
    const recent = this.seconds[second % this.seconds.length]!;
    if (recent.second !== second) {
      recent.second = second;
      recent.count = 0;
    }
    recent.count++;
  }

  read(): MetricsSnapshot {
    const now = this.now();
    const first = Math.floor(now / STEP_MS) - STEPS + 1;
    const totals = none();
    const byRoute = new Map<string, Outcomes>();
    const series = Array.from({ length: STEPS }, (_, i) => {
      const step = first + i;
      const slot = this.slots[step % STEPS]!;
      const here = none();
      if (slot.step !== step) return here;
      for (const [route, outcomes] of slot.routes) {
        add(here, outcomes);
        if (!byRoute.has(route)) byRoute.set(route, none());
        add(byRoute.get(route)!, outcomes);
      }
      add(totals, here);
      return here;
    });
    const routes = [...byRoute].map(([route, outcomes]) => ({ route, ...outcomes }));
    routes.sort((a, b) => sum(b) - sum(a) || a.route.localeCompare(b.route));
    const oldest = Math.floor(now / 1_000) - this.seconds.length;
    const recent = this.seconds.filter(({ second }) => second > oldest);
    const perSecond = recent.reduce((total, { count }) => total + count, 0) / this.seconds.length;
    return { from: first * STEP_MS, stepMs: STEP_MS, series, totals, routes, perSecond };
  }
}

export const metrics = shared('metrics', () => new Metrics());
