#!/usr/bin/env node
/** `npx spillway`: who is limited, and what to do about it, from a terminal. */
import { run } from './program';

void run(process.argv.slice(2)).then((code) => {
  // Pools of a configuration's stores would keep the process.
  process.stdout.write('', () => process.exit(code));
});
