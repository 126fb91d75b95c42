import { createRateLimiter } from '../limiter/create';
import type { RateLimiter } from '../limiter/types';
import type { Who } from '../rules/change';
import { memoryStore } from '../stores/option';
import { problem } from './answers';
import type { GuardSettings } from './options';

const MOST_CALLERS = 10_000;

/** Who may ask, how often, and from which pages. */
export class Guard {
  private limiter: RateLimiter | undefined;

  constructor(private readonly settings: GuardSettings) {}

  /** Who is asking; or what is answered in place of everything. */
  async admit(request: Request): Promise<Who | Response> {
    const given = await this.settings.authorize(request);
    if (given === true) return (await this.refusal('all')) ?? {};
    if (given instanceof Response) return given;
    if (typeof given === 'object' && given !== null)
      return (await this.refusal(`by:${given.by ?? ''}`)) ?? given;
    return (
      (await this.refusal('refused')) ?? problem(403, 'forbidden', 'authorize does not allow this request.')
    );
  }

  /** Why a page may not change something: a form or a script of another site has the cookies of whoever opens it. */
  refusesPage({ headers }: Request): Response | undefined {
    const origin = headers.get('origin');
    const site = headers.get('sec-fetch-site');
    if (origin !== null && this.settings.origins.has(origin)) return undefined;
    const isOwn = origin === null || hostOf(origin) === headers.get('host');
    if (isOwn && (site === null || site === 'same-origin' || site === 'none')) return undefined;
    return problem(
      403,
      'cross-site',
      'This request comes from a page of another origin; see the option origins.',
    );
  }

  private async refusal(key: string): Promise<Response | undefined> {
    const { rate } = this.settings;
    // In this process, so that it holds while the store is away; at the first request, since `next build` loads routes, too.
    this.limiter ??= createRateLimiter({
      store: memoryStore({ maxKeys: MOST_CALLERS }),
      rate,
      logger: false,
    });
    const decision = await this.limiter.check(key);
    if (decision.allowed) return undefined;
    return problem(
      429,
      'too-many-requests',
      'These routes are limited, too.',
      this.limiter.headers(decision),
    );
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
