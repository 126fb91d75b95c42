import type { Override } from '../rules/override';
import type { Plan } from '../rules/plan';
import type { StoreOption } from '../stores/option';
import type { RedisOptions } from '../stores/redis/options';
import type { SharedRulesStatus } from '../stores/types';
import type { Change, Who } from '../rules/change';
import type { Logger } from '../telemetry/logger';
import type { RulesDocument } from './document';

/** What `sharedRules` takes. */
export interface SharedRulesOptions {
  /** Where the rules lie: `redisStore(url)`, `postgresStore(pool)`, or for tests `memoryStore()`. */
  store?: StoreOption;
  /** Short for `store: redisStore(…)`. */
  redis?: string | RedisOptions;
  /** In front of the keys, as that of limiters; who has another prefix has other rules. Default `ratelimit:`. */
  prefix?: string;
  logger?: Logger | false;
  /** Told of each change that is made through this object, after it has been stored. */
  onChange?: (change: Change) => unknown;
}

/** Options of `setOverride`. */
export interface SetOverrideOptions extends Who {
  /** When it ends, in milliseconds since the epoch, by the clock of each process. Default: never. */
  expiresAt?: number;
}

/** The rules that all processes of a prefix share. */
export interface SharedRules {
  /**
   * Gives a subject limits of its own, in all processes within a second.
   * @throws RateLimitError `ERR_INVALID_OPTION`, also where a limiter of this process could not use it; `ERR_UNAVAILABLE` (it
   *   may have been set), `ERR_CLOSED`
   */
  setOverride(subject: string, override: Override, options?: SetOverrideOptions): Promise<void>;
  /** Ends an override before its time. @returns whether there was one */
  removeOverride(subject: string, who?: Who): Promise<boolean>;
  /** Other rules for these plans; the others stay as they are. Throws as `setOverride`. */
  setPlans(plans: { readonly [plan: string]: Plan }, who?: Who): Promise<void>;
  /** A plan has again the rules of each process's options. @returns whether it had others */
  removePlan(plan: string, who?: Who): Promise<boolean>;
  /** What is stored, and puts it in use here. */
  read(): Promise<RulesDocument & { readonly version: string }>;
  status(): SharedRulesStatus;
  /** Gives the connection back. What was read last stays in use. */
  close(): Promise<void>;
}
