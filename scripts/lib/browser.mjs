// A browser without a window, from the system's packages.
import { onPath } from './addon.mjs';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Once the npm packages are there: scripts that install them import this file before. */
export async function launchBrowser() {
  const { chromium } = await import('playwright-core');
  return chromium.launch({ executablePath: onPath('chromium'), args: FLAGS });
}
