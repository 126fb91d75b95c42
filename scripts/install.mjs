// npm's install script: uses the binary that came with the package, and builds one where none fits.
import { binaryLoads, buildAddon } from './lib/addon.mjs';

const { platform } = process;
if (platform !== 'linux' && platform !== 'darwin') {
  // No failure: an app may be written here and built elsewhere. Until then its requests are decided by failureMode.
  const where = platform === 'win32' ? 'in WSL or in a container' : 'there, for example in a container';
  console.warn(`spillway runs on Linux and macOS, and not on ${platform}: build and run the app ${where}.`);
} else if (!binaryLoads()) {
  try {
    buildAddon();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
