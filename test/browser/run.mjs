// npm run test:browser: the example app in Chromium, on the embedded store and on a Redis that is stopped and started.
//   npm run test:browser -- embedded|redis   only one of the two
import { fileURLToPath } from 'node:url';
import { quietly } from '../../scripts/lib/addon.mjs';
import { isInstalled } from '../../scripts/lib/packages.mjs';
import { prepare } from '../../scripts/lib/prepare.mjs';
import { ownRedis } from '../../scripts/lib/redis.mjs';
import { serveExample } from '../../scripts/lib/served.mjs';
import { step } from '../../scripts/lib/steps.mjs';
import { close } from '../../scripts/lib/tally.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

prepare(['libhiredis-dev', 'redis-server', 'chromium']);
if (!isInstalled(here)) step('Installing the browser tests', () => quietly('npm', ['ci'], { cwd: here }));
// What these import is installed now.
const { launch, Visitor } = await import('./support.mjs');
const { limits } = await import('./limits.mjs');
const { dashboard, wrongPasswords } = await import('./dashboard.mjs');
const { keyboard, looks } = await import('./access.mjs');
const { manyKeys, outage } = await import('./outage.mjs');

const browser = await launch();

const stores = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['embedded', 'redis'];

if (stores.includes('embedded')) {
  console.log('\nOn the embedded store, with the password that the start made up:');
  const app = await serveExample({});
  const visitor = new Visitor(browser, app.address, /password is (\S+)$/m.exec(app.text())[1]);
  for (const suite of [limits, dashboard, keyboard, looks, wrongPasswords]) await suite(visitor);
  await app.stop();
}

if (stores.includes('redis')) {
  console.log('\nOn Redis, with a password of our own:');
  const redis = await ownRedis();
  const password = 'only for this test';
  const app = await serveExample({ REDIS_URL: redis.url, ADMIN_PASSWORD: password });
  const visitor = new Visitor(browser, app.address, password);
  for (const suite of [limits, manyKeys, outage]) await suite(visitor, redis);
  await app.stop();
  await redis.stop();
}

await browser.close();
close();
