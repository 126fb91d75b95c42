// The example app as `npm start` runs it, for what asks from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from './addon.mjs';
import { freePort } from './example.mjs';

/** Starts the app; resolves once it has printed its address. What it prints is shown, and kept in `text()`. */
export async function serveExample(env) {
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
    env: {
      ...process.env,
      PORT: String(await freePort(3400)),
      REDIS_URL: '',
      REDIS_SENTINELS: '',
      ADMIN_PASSWORD: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let text = '';
  const address = await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk);
      text += chunk;
      const found = /^\s*(http:\/\/localhost:\d+)$/m.exec(text);
      if (found) resolve(found[1]);
    });
    ended.then(() => reject(new Error('npm start ended before it printed an address.')));
  });
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { address, text: () => text, stop };
}
