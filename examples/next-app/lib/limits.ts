import { createRateLimiter, sharedRules, type Algorithm, type Plan } from 'spillway';
import { redis } from './redis';

/** Limits that the dashboard raises, in every server. */
const shared = sharedRules({ redis });

/**
 * The plans that an organization can be on, and what one client may ask of the API, and all together: proxy.ts asks the rules,
 * in front of the limits per organization, which the routes ask. Shares prefix and connection with the drop-in functions, and
 * so the counts.
 */
export const limiter = createRateLimiter({
  redis,
  plans: {
    // Small enough to be used up while one looks.
    DEMO: '10/m',
    FREE: '100/h',
    // Two rates at once: a request counts under both, or under none.
    PRO: ['1000/h', '100/m'],
    ENTERPRISE: ['10000/h', { rate: '300/m', algorithm: 'token-bucket', burst: 500 }],
  },
  missing: 'shared',
  rules: [
    // Of the rules of a group only the one whose pattern fits the path best applies.
    { id: 'client', group: 'client', match: '/api/*', by: 'ip', rate: '300/m' },
    { id: 'algorithms', group: 'client', match: '/api/algorithms/*', by: 'ip', rate: '1200/m' },
    { id: 'everybody', match: '/api/*', by: 'global', rate: '5000/s' },
  ],
  // Probes are always answered. What administrators ask is behind a login, which has a limit of its own.
  bypass: ['/api/health', '/api/admin/*'],
  sharedRules: shared,
  // For the dashboard: what all servers together admit and deny.
  analytics: true,
});

/**
 * Each algorithm with the same rate, to be compared. All prefixes hold `ratelimit:`, which is what a user of Redis may touch by
 * the pattern `~*ratelimit:*`.
 */
export const algorithms = createRateLimiter({
  redis,
  prefix: 'algorithms-ratelimit:',
  plans: {
    'fixed-window': '10/10s',
    'sliding-window': { rate: '10/10s', algorithm: 'sliding-window' },
    'sliding-log': { rate: '10/10s', algorithm: 'sliding-log' },
    'token-bucket': { rate: '10/10s', algorithm: 'token-bucket', burst: 10 },
  } satisfies Record<Algorithm, Plan>,
});

/**
 * Wrong passwords of strangers. Counted in this process on purpose: it has to hold while Redis is away, and an
 * administrator has to get in just then. Addresses can be made up where no proxy stands in front, so all of them are
 * counted together, too; that rule only counts, and sign-in.ts makes a delay of it.
 */
export const signIns = createRateLimiter({
  prefix: 'sign-in:',
  missing: 'shared',
  rules: [
    { id: 'address', by: 'ip', rate: '5/m' },
    { id: 'everybody', by: 'global', rate: '1000/m', algorithm: 'sliding-window', shadow: true },
  ],
});

/** Wrong passwords from browsers in which somebody had signed in before, by the id in their cookie. */
export const knownDevices = createRateLimiter({ prefix: 'sign-in-device:', rate: '5/m' });

/** Sessions that were signed out, each a key that is blocked until it would have ended: all servers see it. */
export const signedOut = createRateLimiter({ redis, prefix: 'signed-out-ratelimit:', rate: '1/m' });
