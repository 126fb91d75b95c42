// A failover drill: takes the master away under an app's feet, and fails unless the app limits again afterwards.
//
//   node drill.mjs --app http://localhost:3000 --sentinel localhost:26379 --password-file secrets/watcher-password
//
//   --path           what is asked of the app; default /api/limited?org=acme, of which examples/next-app admits ten a minute
//   --name           of the master, as in `sentinel monitor`; default ratelimit
//   --kill           what takes it away; {host} and {port} are the master's. Default: docker compose kill {host}
//   --password-file  of the sentinels
//
// What has to hold: a limit is used up (429); with the master gone every request is still answered, and admitted, since
// the policy is to fail open; the sentinels promote another; and then the limit holds again.
import assert from 'node:assert/strict';
import { execSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const compose = join(dirname(fileURLToPath(import.meta.url)), 'sentinel/compose.yaml');
const { values: options } = parseArgs({
  options: {
    app: { type: 'string', default: 'http://localhost:3000' },
    path: { type: 'string', default: '/api/limited?org=acme' },
    sentinel: { type: 'string', default: 'localhost:26379' },
    name: { type: 'string', default: 'ratelimit' },
    'password-file': { type: 'string' },
    kill: { type: 'string', default: `docker compose -f ${compose} kill {host}` },
  },
});

const PER_SECOND = 4;
// down-after 5 s, the election, and what a slow machine adds.
const PROMOTION_MS = 40_000;
const LIMITS_AGAIN_MS = 15_000;
const ANSWER_MS = 2_000;

/** The master that the sentinel names, as `host:port`. */
function master() {
  const password = options['password-file'] && readFileSync(options['password-file'], 'utf8').trim();
  const commands = [['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', options.name]];
  if (password) commands.unshift(['AUTH', password]);
  const [, host, port] = /^(.*):(\d+)$/.exec(options.sentinel);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port: Number(port), timeout: 5_000 });
    const settle = (done, value) => {
      socket.destroy();
      done(value);
    };
    socket.on('error', reject);
    socket.on('timeout', () => settle(reject, new Error(`The sentinel at ${options.sentinel} is silent.`)));
    socket.on('data', (chunk) => {
      text += chunk;
      const named = /\*2\r\n\$\d+\r\n(.*)\r\n\$\d+\r\n(\d+)\r\n/.exec(text);
      const refused = /^(-.*|\*-1)\r\n/m.exec(text);
      if (named) settle(resolve, `${named[1]}:${named[2]}`);
      else if (refused) settle(reject, new Error(`The sentinel names no ${options.name}: ${refused[1]}`));
    });
    for (const words of commands) {
      socket.write(
        `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
      );
    }
  });
}

let slowest = 0;

/** One request, answered with 200 or 429 in time. */
async function ask() {
  const start = performance.now();
  const { status } = await fetch(options.app + options.path, { signal: AbortSignal.timeout(ANSWER_MS) });
  slowest = Math.max(slowest, performance.now() - start);
  assert.ok(status === 200 || status === 429, `the app answered ${status}`);
  return status;
}

/** Asks steadily until it is so; how long that took. */
async function until(what, isSo, withinMs) {
  const start = performance.now();
  for (;;) {
    const status = await ask();
    if (await isSo(status)) return performance.now() - start;
    if (performance.now() - start > withinMs) throw new Error(`Not within ${withinMs / 1_000} s: ${what}.`);
    await delay(1_000 / PER_SECOND);
  }
}

const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;
try {
  const old = await master();
  await until('a limit is used up', (status) => status === 429, 10_000);
  console.log(`The master is ${old}, and the limit is used up.`);

  const [, host, port] = /^(.*):(\d+)$/.exec(old);
  execSync(options.kill.replaceAll('{host}', host).replaceAll('{port}', port), { stdio: 'inherit' });
  const open = await until('the app fails open without its master', (status) => status === 200, 5_000);
  console.log(`Without it requests are admitted, ${seconds(open)} after it went.`);

  let now = old;
  const promotion = await until(
    'another master is named',
    async () => (now = await master()) !== old,
    PROMOTION_MS,
  );
  console.log(`The sentinels promoted ${now}, ${seconds(open + promotion)} after the old one went.`);

  const again = await until('the limit holds again', (status) => status === 429, LIMITS_AGAIN_MS);
  console.log(
    `The limit holds again after another ${seconds(again)}. The slowest answer took ${Math.round(slowest)} ms.`,
  );
} catch (error) {
  console.error(`The drill failed. ${error.message}`);
  process.exitCode = 1;
}
