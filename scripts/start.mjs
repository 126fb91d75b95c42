// npm start: from a clone to the example app at an address.
import { randomBytes } from 'node:crypto';
import { answering, buildExample, freePort, spawnExample } from './lib/example.mjs';
import { prepare } from './lib/prepare.mjs';

const asked = Number(process.env.PORT || 3000);
if (!Number.isInteger(asked) || asked < 1 || asked > 65_535) {
  console.error(`PORT must be a number from 1 to 65535, not ${process.env.PORT}.`);
  process.exit(1);
}

prepare(['libhiredis-dev']);
buildExample();

const port = await freePort(asked);
if (port !== asked) console.log(`Port ${asked} is taken, so this is ${port}.`);
const { ADMIN_PASSWORD } = process.env;
// Good until this ends; set ADMIN_PASSWORD for one that stays.
const password = ADMIN_PASSWORD || randomBytes(9).toString('base64url');
const server = spawnExample(port, { ADMIN_PASSWORD: password });
const stop = () => server.kill('SIGTERM');
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
// npm runs this through a shell, and a signal to npm may end that shell without ever coming here.
const parent = process.ppid;
setInterval(() => process.ppid === parent || stop(), 500).unref();

// Next.js answers a signal with a code of its own; that is how this is meant to end.
server.on('close', (code, signal) => {
  const asMeant = [0, 130, 143].includes(code) || ['SIGINT', 'SIGTERM'].includes(signal);
  process.exitCode = asMeant ? 0 : 1;
  if (!asMeant) console.error(`The example app ended by itself (${signal ?? `code ${code}`}).`);
});

await answering(server, port);
const { REDIS_URL, REDIS_SENTINELS } = process.env;
const store = REDIS_URL || REDIS_SENTINELS ? 'Redis' : 'the embedded store (set REDIS_URL to use Redis)';
console.log(`
The example app counts on ${store} and runs at

  http://localhost:${port}

The dashboard is at /admin; its password is ${ADMIN_PASSWORD ? 'what ADMIN_PASSWORD says' : password}
In another shell: for i in $(seq 12); do curl -si localhost:${port}/api/limited | head -1; done
Ctrl-C ends it.`);
