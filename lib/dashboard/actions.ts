import { invalidOption, shown } from '../base/errors';
import { isIntegerIn } from '../base/validate';
import { json, problem } from '../monitoring/answers';
import type { MonitoredLimiter } from '../monitoring/options';
import { readJson } from '../monitoring/read';
import type { Asked } from '../monitoring/router';
import type { Who } from '../rules/change';
import type { Override } from '../rules/override';
import type { RateText } from '../rules/rate';

interface Body {
  /** As listings name it. */
  readonly subject: string;
  readonly rule?: unknown;
  readonly ms?: unknown;
  /** `2x`, or a rate. */
  readonly to?: unknown;
}

const EXAMPLE = '{"subject":"org-123"}.';
const LONGEST_MS = 366 * 86_400_000;

/** What can be done about a subject. Each is remembered with who did it: see `changes()`. */
export class Actions {
  constructor(
    private readonly limiter: MonitoredLimiter,
    private readonly changed: (subject: string) => void,
  ) {}

  readonly reset = (asked: Asked) =>
    this.act(asked, async ({ subject, rule }, who) => {
      if (rule !== undefined && typeof rule !== 'string')
        throw invalidOption('rule must be the id of a rule.');
      return { forgotten: await this.limiter.reset(subject, { ...who, rule }) };
    });

  readonly block = (asked: Asked) =>
    this.act(asked, async ({ subject, ms }, who) => {
      await this.limiter.block(subject, readMs(ms), who);
      return {};
    });

  readonly raise = (asked: Asked) =>
    this.act(asked, async ({ subject, ms, to }, who) => {
      const { sharedRules } = this.limiter;
      if (sharedRules === undefined) return noSharedRules();
      const expiresAt = Date.now() + readMs(ms);
      await sharedRules.setOverride(subject, readOverride(to), { ...who, expiresAt });
      return { expiresAt };
    });

  readonly lower = (asked: Asked) =>
    this.act(asked, async ({ subject }, who) => {
      const { sharedRules } = this.limiter;
      if (sharedRules === undefined) return noSharedRules();
      return { removed: await sharedRules.removeOverride(subject, who) };
    });

  private async act(
    { request, who }: Asked,
    action: (body: Body, who: Who) => Promise<object | Response>,
  ): Promise<Response> {
    const body = await readJson<Body>(request, 'subject', EXAMPLE);
    if (body instanceof Response) return body;
    try {
      const done = await action(body, { by: 'dashboard', ...who });
      return done instanceof Response ? done : json({ subject: body.subject, ...done });
    } finally {
      this.changed(body.subject);
    }
  }
}

function noSharedRules(): Response {
  return problem(
    501,
    'no-shared-rules',
    'Limits are raised for the whole fleet, and this limiter has none to share: give createRateLimiter the option sharedRules.',
  );
}

function readMs(ms: unknown): number {
  if (isIntegerIn(ms, 1_000, LONGEST_MS)) return ms;
  throw invalidOption(`ms must be a whole number from 1,000 to ${LONGEST_MS}, not ${shown(ms)}.`);
}

function readOverride(to: unknown): Override {
  if (typeof to !== 'string') throw invalidOption(`to must be such as 2x or 500/h, not ${shown(to)}.`);
  const [, times] = /^(\d{1,4}(?:\.\d{1,3})?)x$/.exec(to) ?? [];
  // What is no rate is refused by whoever reads the override.
  return times === undefined ? (to as RateText) : { multiply: Number(times) };
}
