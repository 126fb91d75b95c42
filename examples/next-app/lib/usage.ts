import { limiter } from './limits';
import { findOrganization, searchOrganizations, type Organization } from './organizations';
import { shared } from './shared';

export type UsageState = 'ok' | 'near' | 'exhausted' | 'blocked' | 'unknown';

/** Where an organization stands under the rule of its plan that leaves it the least. */
export interface Usage extends Organization {
  state: UsageState;
  limit: number;
  remaining: number;
  /** Until the window ends, or a block; 0 where nothing is counted. A duration: the browser's clock may differ. */
  resetInMs: number;
}

export interface UsagePage {
  rows: Usage[];
  /** How many there are on all pages. */
  total: number;
  page: number;
  pages: number;
}

const PAGE = 20;

/** Asks without counting. The rows of a page are asked in one turn of the event loop, and so in one round trip. */
export async function usageOf(organization: Organization): Promise<Usage> {
  const decision = await limiter.peek(organization.id, organization.plan);
  const { limit, remaining, resetTime, source, reason } = decision;
  let state: UsageState = 'ok';
  if (source === 'policy') state = 'unknown';
  else if (reason === 'blocked') state = 'blocked';
  else if (remaining === 0) state = 'exhausted';
  else if (remaining <= limit / 4) state = 'near';
  const counted = remaining < limit || state === 'blocked';
  const resetInMs = counted ? Math.max(0, resetTime - Date.now()) : 0;
  return { ...organization, state, limit, remaining, resetInMs };
}

async function toPage(found: Organization[], wanted: number): Promise<UsagePage> {
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  const page = Math.min(Math.max(1, Math.trunc(wanted) || 1), pages);
  const rows = await Promise.all(found.slice((page - 1) * PAGE, page * PAGE).map(usageOf));
  return { rows, total: found.length, page, pages };
}

/** All organizations, or those that match, as a database would page them. */
export const listAll = (search: string, page: number) => toPage(searchOrganizations(search), page);

const FRESH_MS = 5_000;
const MOST = 1_000;
const cache = shared('most-used', () => ({
  at: -Infinity,
  reading: undefined as Promise<Organization[]> | undefined,
}));

/**
 * The organizations that have the largest counts now. This goes through all keys, so it is done when somebody asks for
 * it, by one at a time, and holds for some seconds.
 */
export async function listMostUsed(search: string, page: number): Promise<UsagePage> {
  if (cache.reading === undefined || performance.now() - cache.at > FRESH_MS) {
    cache.at = performance.now();
    cache.reading = readMostUsed();
    cache.reading.catch(() => (cache.reading = undefined));
  }
  const wanted = search.trim().toLowerCase();
  const found = (await cache.reading).filter(
    ({ id, name }) => id.includes(wanted) || name.toLowerCase().includes(wanted),
  );
  return toPage(found, page);
}

async function readMostUsed(): Promise<Organization[]> {
  let best: { organization: Organization; count: number }[] = [];
  const keepBest = () => (best = best.sort((a, b) => b.count - a.count).slice(0, MOST));
  for await (const { key, count } of limiter.list()) {
    const organization = findOrganization(key);
    if (organization) best.push({ organization, count });
    if (best.length >= 4 * MOST) keepBest();
  }
  return keepBest().map(({ organization }) => organization);
}
