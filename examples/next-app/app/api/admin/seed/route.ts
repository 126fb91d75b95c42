import { forAdmin } from '@/lib/admin';
import { limiter } from '@/lib/limits';
import { searchOrganizations } from '@/lib/organizations';
import { readWhole } from '@/lib/query';

const AT_ONCE = 500;
/** How often one is asked that the store did not answer in time, on a machine that has much else to do. */
const TRIES = 5;
/** What a plan admits at once, so that everything that is charged here fits. */
const ROOM = { DEMO: 10, FREE: 100, PRO: 100, ENTERPRISE: 500 };

/**
 * Makes up usage: charges `?organizations=100000` of them something between nothing and all of their limit, to see the
 * dashboard with many keys. A route and no script alone, because the embedded store lives in this process.
 */
export const POST = forAdmin(async (request) => {
  const range = { from: 0, to: 100_000, otherwise: 1_000 };
  const count = readWhole(request.nextUrl.searchParams, 'organizations', range);
  if (count instanceof Response) return count;
  const chosen = searchOrganizations('org-').slice(0, count);
  let charged = 0;
  for (let first = 0; first < chosen.length; first += AT_ONCE) {
    let left = chosen.slice(first, first + AT_ONCE);
    for (let tries = 0; left.length > 0 && tries < TRIES; tries++) {
      const decisions = await Promise.all(
        left.map(({ id, plan }) => {
          // Most have used little, a few nearly all.
          const cost = Math.max(1, Math.ceil(ROOM[plan] * Math.random() ** 4));
          return limiter.check(id, plan, { cost });
        }),
      );
      const before = left.length;
      left = left.filter((_, i) => decisions[i]?.source === 'none');
      charged += before - left.length;
    }
  }
  return Response.json({ charged });
});
