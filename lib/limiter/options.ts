import { variable } from '../base/environment';
import { invalidOption, shown } from '../base/errors';
import { readHeaderFormat, type HeaderFormat } from '../http/headers/emit';
import { readStore, type StoreTarget } from '../stores/option';
import { compileRules, RULE_OPTIONS, type CompiledRules, type RuleOptions } from '../rules/compile';
import { WHO } from '../rules/change';
import { readLogger, type Log } from '../telemetry/logger';
import { OBSERVERS, readNearLimitOption, readObservers, type Observers } from '../telemetry/observe';
import type { CheckOptions } from '../decision/types';
import type { ResetOptions } from './types';
import { isIntegerIn, readInteger, refuseUnknown, requireObject } from '../base/validate';
import { readAnalytics } from '../fleet/analytics';
import { readSharedRules, type Shared } from '../fleet/shared-rules';
import { readPrefix } from '../stores/prefix';
import { readFailureMode } from '../rules/failure-mode';

/** The options of a limiter, validated and complete. */
export interface Settings {
  readonly store: StoreTarget;
  readonly rules: CompiledRules;
  readonly log: Log;
  readonly observers: Observers;
  readonly headers: HeaderFormat;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly share: number;
  readonly shared: Shared | undefined;
  readonly analytics: boolean;
}

const OPTIONS = [
  'redis',
  'store',
  ...RULE_OPTIONS,
  ...OBSERVERS,
  'logger',
  'headers',
  'prefix',
  'timeoutMs',
  'share',
  'sharedRules',
  'analytics',
];
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Checks every option by name and value.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function readOptions(given: unknown): Settings {
  requireObject(given, 'The options of a rate limiter');
  refuseUnknown(given, OPTIONS, '');
  const options = given as Record<string, unknown>;
  const log = readLogger(options['logger']);
  const { at: nearLimit, tell } = readNearLimitOption(options['nearLimit']);
  const store = readStore(options['store'], options['redis']);
  const isByKey = store.kind === 'failover' && store.settings.strategy === 'round-robin';
  return {
    store,
    rules: compileRules({ ...pick(options, RULE_OPTIONS), nearLimit }, isByKey),
    log,
    observers: readObservers(options, tell, log),
    headers: readHeaderFormat(options['headers']),
    prefix: readPrefix(options['prefix']),
    timeoutMs: readInteger(options['timeoutMs'], 'timeoutMs', 250, 1, MAX_TIMEOUT_MS),
    share: readInteger(options['share'], 'share', 1, 1, 1_000_000),
    shared: readSharedRules(options['sharedRules']),
    analytics: readAnalytics(options['analytics']),
  };
}

/** Whether `RATELIMIT_ENABLE` in the environment says that nothing is limited: false, 0, no or off. */
export function isSwitchedOff(log: Log): boolean {
  const word = variable('RATELIMIT_ENABLE').toLowerCase();
  const isOff = ['false', '0', 'no', 'off'].includes(word);
  if (!isOff && !['', 'true', '1', 'yes', 'on'].includes(word)) {
    log.once('enable', 'RATELIMIT_ENABLE says neither yes nor no, so limits hold. Write true or false.');
  }
  return isOff;
}

/** Refuses what the options of one check do not have. @throws RateLimitError `ERR_INVALID_OPTION` */
export function refuseCheckOptions(options: CheckOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption(
      `The options of a check must be an object such as { cost: 2 }, not ${shown(options)}.`,
    );
  }
  refuseUnknown(options, ['cost', 'failureMode'], '');
  if (options.failureMode !== undefined) readFailureMode(options.failureMode);
}

/** The rule that `reset` or `status` means; undefined: all. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readRule(options: ResetOptions, call: string): string | undefined {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption(
      `The options of ${call} must be an object such as { rule: 'api' }, not ${shown(options)}. As a callback of map or forEach, write (id) => ${call}(id).`,
    );
  }
  refuseUnknown(options, ['rule', ...WHO], '');
  const { rule } = options;
  if (rule === undefined || typeof rule === 'string') return rule;
  throw invalidOption(`rule must be the id of a rule, not ${shown(rule)}.`);
}

/** Units to charge or give back. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readUnits(value: unknown, name: string): number {
  if (value === undefined) return 1;
  if (isIntegerIn(value, 1, Number.MAX_SAFE_INTEGER)) return value;
  throw invalidOption(`${name} must be an integer from 1 to 2^53-1, not ${shown(value)}.`);
}

function pick(options: Record<string, unknown>, names: readonly string[]): RuleOptions {
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}
