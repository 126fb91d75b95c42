// A browser without a window, from the system's packages.
import { chromium } from 'playwright-core';
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

export function launchBrowser() {
  return chromium.launch({ executablePath: onPath('chromium'), args: FLAGS });
}
