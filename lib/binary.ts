/** How the C++ addon is loaded, and what is said where it cannot be. */
import { RateLimitError } from './base/errors';
import { fs } from './base/lazy';
import type { NativeAddon } from './stores/native/native';

/**
 * Never called. A bundler that was not told to leave the package alone resolves this name, cannot, and shows it: its own
 * complaint about a binary says nothing that helps. Node.js and file tracers pass over it.
 */
export function bundled(): void {
  require('./spillway-must-not-be-bundled--use-withSpillway-in-next.config--or-list-it-in-serverExternalPackages');
}

let addon: NativeAddon | undefined;
let failure: RateLimitError | undefined;

/**
 * The addon, loaded at the first use: importing the package opens nothing. One that cannot be loaded is not tried again.
 * @throws RateLimitError `ERR_NO_BINARY`
 */
export function native(): NativeAddon {
  if (addon !== undefined) return addon;
  if (failure !== undefined) throw failure;
  try {
    refuseRuntime();
    return (addon = loadBinary());
  } catch (error) {
    failure = error as RateLimitError;
    throw failure;
  }
}

/** Before anything is loaded: there the addon would end the process. */
function refuseRuntime(): void {
  const other = process.versions['bun'] !== undefined ? 'Bun' : 'Deno' in globalThis ? 'Deno' : undefined;
  if (other === undefined) return;
  throw noBinary(
    `spillway runs on Node.js 20 or newer, and not on ${other}, which cannot load its native part. Start the server with node; under Bun leave out "--bun".`,
  );
}

/**
 * Each arm is a literal require: bundlers and file tracers (Next.js standalone) copy exactly the files they can read off
 * the source. Within `try` a file that is missing is no error to a bundler, so the name above is the first that it shows.
 */
function loadBinary(): NativeAddon {
  const machine = `${process.platform}-${process.arch}`;
  try {
    switch (machine) {
      case 'linux-x64':
        return require('../prebuilds/linux-x64/spillway.node');
      case 'linux-arm64':
        return require('../prebuilds/linux-arm64/spillway.node');
      case 'darwin-x64':
        return require('../prebuilds/darwin-x64/spillway.node');
      case 'darwin-arm64':
        return require('../prebuilds/darwin-arm64/spillway.node');
    }
  } catch (error) {
    throw noBinary(whyNot(machine, error));
  }
  const where =
    process.platform === 'win32' ? 'in WSL or in a container' : 'there, for example in a container';
  throw noBinary(
    `spillway has no binary for ${machine}; it runs on Linux with glibc and on macOS, x64 and arm64. Build and run the app ${where}.`,
  );
}

function whyNot(machine: string, error: unknown): string {
  if (isBundled()) {
    return 'spillway was bundled, and a bundle cannot hold its native part. In Next.js wrap what next.config exports in withSpillway, or list "spillway" in serverExternalPackages; another bundler has to treat it as external.';
  }
  if (isWithoutGlibc()) {
    return 'spillway runs on Linux with glibc, and this one has another C library, as Alpine does. Build and run the app in an image with glibc, such as node:22-slim.';
  }
  if (!fs().existsSync(`${__dirname}/../prebuilds/${machine}/spillway.node`)) {
    return `The native part of spillway is not installed for ${machine}. Run "npm rebuild spillway" on the machine that runs it; pnpm has to allow its install script first: "pnpm approve-builds".`;
  }
  const why = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error);
  return `The native part of spillway is installed and cannot be loaded (${why}). It was built for another system: run "npm rebuild spillway" on the machine that runs it.`;
}

/** Node.js names the C library that it runs on only where that is glibc. */
function isWithoutGlibc(): boolean {
  if (process.platform !== 'linux') return false;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}

/** Whether this runs out of a bundler's file, whose name and place are others, or made up. */
function isBundled(): boolean {
  return (
    typeof __filename === 'undefined' ||
    !fs().existsSync(__filename) ||
    !/[\\/](spillway|binary)\.[jt]s$/.test(__filename)
  );
}

function noBinary(message: string): RateLimitError {
  return new RateLimitError('ERR_NO_BINARY', message);
}
