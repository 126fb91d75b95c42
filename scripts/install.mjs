// npm's install script: uses the binary that came with the package, and builds one where none fits.
import { binaryLoads, buildAddon } from './lib/addon.mjs';

if (!binaryLoads()) {
  try {
    buildAddon();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
