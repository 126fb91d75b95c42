/** What processes of a fleet do with the rules that they share. */
import { Script } from './process';

/** A process that makes changes, each on a line of its input, or follows them. `given`: { store, name, many }. */
const SOURCE = `
const { createRateLimiter, sharedRules } = require('spillway');
const shared = sharedRules({ ...given.store });
const limiter = createRateLimiter({ ...given.store, sharedRules: shared, plans: { FREE: '3/h' } });
(async () => {
  await limiter.peek('org-1', 'FREE');
  await shared.read();
  if (given.many) {
    for (let i = 0; i < given.many; i++) {
      await shared.setOverride(given.name + i, '7/h', { by: given.name });
    }
    report('done');
    process.exit(0);
  }
  report('ready');
  for (;;) {
    const { limit } = await limiter.peek('org-1', 'FREE');
    if (limit !== 3) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  report(Date.now());
  process.exit(0);
})();
`;

export const follower = (store: object) => new Script(SOURCE, { given: { store }, abrupt: true });
export const writer = (store: object, name: string, many: number) =>
  new Script(SOURCE, { given: { store, name, many }, abrupt: true, withinMs: 60_000 });
