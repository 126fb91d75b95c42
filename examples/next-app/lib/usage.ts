import { limiter } from './limits';
import { findOrganization, searchOrganizations, type Organization } from './organizations';
import { shared } from './shared';

export type UsageState = 'ok' | 'near' | 'exhausted' | 'blocked' | 'unknown';

/** Where an organization stands under the rule of its plan that leaves it the least. */
export interface Usage extends Organization {
  state: UsageState;
  /** Units that can be had at once. */
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
  if (source === 'none') state = 'unknown';
  else if (reason === 'blocked') state = 'blocked';
  else if (remaining === 0) state = 'exhausted';
  else if (remaining <= limit / 4) state = 'near';
  const counted = remaining < limit || state === 'blocked';
  const resetInMs = counted ? Math.max(0, resetTime - Date.now()) : 0;
  return { ...organization, state, limit, remaining, resetInMs };
}

async function toPage(found: Organization[], wanted: number): Promise<UsagePage> {
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  const page = Math.min(wanted, pages);
  const rows = await Promise.all(found.slice((page - 1) * PAGE, page * PAGE).map(usageOf));
  return { rows, total: found.length, page, pages };
}

/** All organizations, or those that match, as a database would page them. */
export const listAll = (search: string, page: number) => toPage(searchOrganizations(search), page);

/** Larger pages are faster, and keep Redis longer from answering checks. */
const PAGE_OF_KEYS = 300;
const FRESH_MS = 30_000;
const MOST = 1_000;
const snapshot = shared('most-used', () => ({
  at: -Infinity,
  latest: undefined as Promise<Organization[]> | undefined,
  reading: false,
}));

/** What was read last. Where it is old, it is read again meanwhile, for whoever asks next. */
async function mostUsed(): Promise<Organization[]> {
  if (!snapshot.reading && performance.now() - snapshot.at > FRESH_MS) {
    snapshot.reading = true;
    const next = readMostUsed();
    snapshot.latest ??= next;
    next
      .then(
        () => {
          snapshot.latest = next;
          snapshot.at = performance.now();
        },
        () => (snapshot.latest = undefined),
      )
      .finally(() => (snapshot.reading = false));
  }
  return snapshot.latest ?? [];
}

async function readMostUsed(): Promise<Organization[]> {
  let best: { organization: Organization; count: number }[] = [];
  const keepBest = () => (best = best.sort((a, b) => b.count - a.count).slice(0, MOST));
  // All plans share the count of their first rate.
  for await (const { key, count } of limiter.list({ rule: 'FREE', pageSize: PAGE_OF_KEYS })) {
    const organization = findOrganization(key);
    if (organization) best.push({ organization, count });
    if (best.length >= 4 * MOST) keepBest();
  }
  return keepBest().map(({ organization }) => organization);
}

/**
 * The organizations that have the largest counts. Finding them goes through all keys, so that is done when somebody asks
 * for it, once at a time and every half minute at most; what the rows say of them is of now.
 */
export async function listMostUsed(search: string, page: number): Promise<UsagePage> {
  return toPage(searchOrganizations(search, await mostUsed()), page);
}
