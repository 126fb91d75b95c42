import { RateLimitError } from '../errors';
import { fs } from '../lazy';
import { binaryFile } from '../native';

const NAME = 'spillway';
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

interface External {
  serverExternalPackages?: readonly string[];
}

/**
 * The configuration of Next.js with what spillway needs: Next.js loads it at run time instead of bundling it. Takes
 * whatever `next.config` may export, an object, a promise of one, or a function of the phase, and gives the same kind.
 * @throws RateLimitError `ERR_NO_BINARY` where the native part is not installed for this machine, so that a build
 *   fails instead of every request
 */
export function withSpillway<Config extends object>(config?: Config): Config;
export function withSpillway(config: unknown = {}): unknown {
  requireBinary();
  if (typeof config !== 'function') return merge(config as External | Promise<External>);
  return (...args: unknown[]): unknown => merge((config as (...args: unknown[]) => External)(...args));
}

function merge(config: External | PromiseLike<External>): unknown {
  if (isPromise(config)) return config.then(merge);
  const external = config.serverExternalPackages ?? [];
  return external.includes(NAME) ? config : { ...config, serverExternalPackages: [...external, NAME] };
}

function isPromise(value: object): value is PromiseLike<External> {
  return typeof (value as { then?: unknown }).then === 'function';
}

/** Looks for the file only: loading it is for the server. */
function requireBinary(): void {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    throw noBinary(
      `spillway has no binary for ${platform}; it runs on Linux and macOS, x64 and arm64. Build and run the app there, for example in a container.`,
    );
  }
  if (fs().existsSync(binaryFile(platform))) return;
  throw noBinary(
    `The native part of spillway is not installed for ${platform}. Run "npm rebuild spillway" on this machine; pnpm has to allow its install script first: "pnpm approve-builds".`,
  );
}

function noBinary(message: string): RateLimitError {
  return new RateLimitError('ERR_NO_BINARY', message);
}
