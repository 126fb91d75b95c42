// From a clone to something that runs; each step is skipped or takes a moment when it is up to date.
import { buildAddon, root } from './addon.mjs';
import { installRootPackages, isInstalled } from './packages.mjs';
import { step } from './steps.mjs';
import { ensureTools } from './tools.mjs';
import { buildTypeScript } from './typescript.mjs';

export function prepare(debianPackages, options) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) {
    console.error(`spillway needs Node 20 or newer; this is ${process.version}.`);
    process.exit(1);
  }
  ensureTools(debianPackages, options);
  if (!isInstalled(root)) step('Installing npm packages', installRootPackages);
  step('Compiling the addon', buildAddon);
  step('Compiling TypeScript', buildTypeScript);
}
