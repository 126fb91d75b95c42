import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RateLimitError } from './errors';

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/**
 * Looks whether the native part is there, without loading it. Directly in lib/, because the bundle of dist/ is as far
 * from prebuilds/ as this file is.
 * @throws RateLimitError `ERR_NO_BINARY`
 */
export function requireBinary(): void {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    throw noBinary(
      `spillway has no binary for ${platform}; it runs on Linux and macOS, x64 and arm64. Build and run the app there, for example in a container.`,
    );
  }
  if (existsSync(join(__dirname, '../prebuilds', platform, 'spillway.node'))) return;
  throw noBinary(
    `The native part of spillway is not installed for ${platform}. Run "npm rebuild spillway" on this machine; pnpm has to allow its install script first: "pnpm approve-builds".`,
  );
}

function noBinary(message: string): RateLimitError {
  return new RateLimitError('ERR_NO_BINARY', message);
}
