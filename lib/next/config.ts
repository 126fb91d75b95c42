import { native } from '../binary';
import { invalidOption, shown } from '../base/errors';
import { refuseSurplus } from '../base/surplus';
import { requireObject } from '../base/validate';

const NAME = 'spillway';

interface External {
  serverExternalPackages?: readonly string[];
}

/**
 * The configuration of Next.js with what spillway needs: Next.js loads it at run time instead of bundling it. Takes
 * whatever `next.config` may export, an object, a promise of one, or a function of the phase, and gives the same kind.
 * @throws RateLimitError `ERR_NO_BINARY` where the native part cannot be loaded on this machine, so that a build fails
 *   instead of every request; `ERR_INVALID_OPTION`
 */
export function withSpillway<Config extends object>(config?: Config): Config;
export function withSpillway(config: unknown = {}): unknown {
  if (arguments.length > 1) refuseSurplus('withSpillway', 1, arguments);
  native();
  if (typeof config !== 'function') return merge(config);
  return (...args: unknown[]): unknown => merge((config as (...args: unknown[]) => unknown)(...args));
}

function merge(config: unknown): unknown {
  requireObject(config, 'The configuration of Next.js');
  if (isPromise(config)) return config.then(merge);
  const { serverExternalPackages: external = [] } = config as External;
  if (!Array.isArray(external)) {
    throw invalidOption(`serverExternalPackages must be a list of packages, not ${shown(external)}.`);
  }
  return external.includes(NAME)
    ? config
    : { ...config, serverExternalPackages: [...(external as unknown[]), NAME] };
}

function isPromise(value: object): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown }).then === 'function';
}
