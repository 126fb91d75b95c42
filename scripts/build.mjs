// npm run build: the addon and dist/, each only if something changed.
import { buildAddon } from './lib/addon.mjs';
import { step } from './lib/steps.mjs';
import { buildTypeScript } from './lib/typescript.mjs';

step('Compiling the addon', buildAddon);
step('Compiling TypeScript', buildTypeScript);
