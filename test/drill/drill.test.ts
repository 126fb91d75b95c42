/** examples/deploy/drill.mjs against examples/next-app on the files of examples/deploy/sentinel. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Compose, DEPLOY } from '../support/compose';
import { owner } from '../support/owned';
import { freePort } from '../support/ports';
import { ROOT } from '../support/process';
import { until } from '../support/wait';

jest.setTimeout(180_000);
const own = owner();

/** The example app, built before, on a free port. */
async function startApp(env: Record<string, string>) {
  const folder = join(ROOT, 'examples/next-app');
  const port = await freePort();
  const next = join(folder, 'node_modules/next/dist/bin/next');
  const child = spawn(process.execPath, [next, 'start', '--port', `${port}`], {
    cwd: folder,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', REDIS_URL: '', ...env },
    stdio: 'ignore',
  });
  await own({
    async close() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  });
  const url = `http://localhost:${port}`;
  await until(
    'the app answers',
    () =>
      fetch(`${url}/api/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    {
      withinMs: 30_000,
      everyMs: 100,
    },
  );
  return url;
}

function drill(url: string, compose: Compose, kill: string): Promise<{ code: number | null; said: string }> {
  const file = join(compose.folder, 'secrets/watcher-password');
  const sentinel = `localhost:${compose.port('sentinel-1', 26379)}`;
  const args = ['--app', url, '--sentinel', sentinel, '--password-file', file, '--kill', kill];
  const child = spawn(process.execPath, [join(DEPLOY, 'drill.mjs'), ...args]);
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

test('an app behind sentinels passes the drill; one that counts for itself fails it', async () => {
  const compose = await own(Compose.start('sentinel'));
  const nodes = ['sentinel-1', 'sentinel-2', 'sentinel-3'].map(
    (name) => `localhost:${compose.port(name, 26379)}`,
  );
  await until(
    'the sentinels know each other',
    () =>
      /num-other-sentinels\n2\n/.test(
        compose.exec(
          'sentinel-1',
          'REDISCLI_AUTH="$(cat /run/secrets/watcher-password)" redis-cli -p 26379 SENTINEL MASTER ratelimit',
        ),
      ),
    { withinMs: 20_000, everyMs: 100 },
  );
  const alone = await drill(await startApp({}), compose, 'true');
  expect(alone).toMatchObject({
    code: 1,
    said: expect.stringContaining('the app fails open without its master'),
  });

  const behind = await startApp({
    REDIS_SENTINELS: nodes.join(','),
    REDIS_SENTINEL_NAME: 'ratelimit',
    REDIS_SENTINEL_PASSWORD: compose.secret('watcher-password'),
    REDIS_USERNAME: 'app',
    REDIS_PASSWORD: compose.secret('app-password'),
  });
  const { code, said } = await drill(behind, compose, `kill -9 ${compose.pid('redis-1')}`);
  expect(said).toContain('The limit holds again');
  expect(code).toBe(0);
});
