import { RateLimitError, sharedRules, type RateLimiterOptions, type SharedRules } from '../index';

/** Options with the rules that the fleet shares, where the store can keep them and they have none; and what then has to be closed. */
export function withSharedRules(options: RateLimiterOptions): {
  readonly options: RateLimiterOptions;
  readonly opened: SharedRules | undefined;
} {
  const { store, redis, prefix } = options;
  if (options.sharedRules !== undefined) return { options, opened: undefined };
  try {
    const opened = sharedRules({ ...(store === undefined ? { redis } : { store }), prefix, logger: false });
    return { options: { ...options, sharedRules: opened }, opened };
  } catch (error) {
    if (error instanceof RateLimitError && error.code === 'ERR_UNSUPPORTED')
      return { options, opened: undefined };
    throw error;
  }
}
