/** examples/deploy/app/compose.yaml, played: nginx with TLS, two servers, Redis with users. test/image runs the real image. */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { Compose, type BuiltImage } from './support/compose';
import { HttpsClient } from './support/https-client';
import { times } from './support/ledger';
import { owner } from './support/owned';
import { ROOT } from './support/process';

jest.setTimeout(60_000);
const own = owner();
const LIMIT = 20;

const STAND_IN: BuiltImage = {
  spawn([command = '', ...args], env, log) {
    const file = openSync(log, 'a');
    return spawn(command, args, {
      cwd: join(ROOT, 'test/fixtures/deploy'),
      env: { PATH: process.env.PATH, LD_PRELOAD: '', ...env },
      stdio: ['ignore', file, file],
    });
  },
};

test('nginx: the address of a client survives, and no server that goes costs an answer', async () => {
  const compose = await own(Compose.start('app', STAND_IN));
  const ca = compose.secret('ca.crt');
  const clientAt = (address: string) => own(new HttpsClient(compose.port('nginx', 8443), ca, address));

  const plain = await fetch(`http://localhost:${compose.port('nginx', 8080)}/a?b=c`, { redirect: 'manual' });
  expect([plain.status, plain.headers.get('location')]).toEqual([301, 'https://localhost/a?b=c']);

  // Whatever a client claims, it is counted by the address that nginx saw, on both servers together.
  const liar = await clientAt('127.0.0.2');
  const answers = await times(LIMIT * 2, (i) =>
    liar.get('/', { 'X-Forwarded-For': `192.0.2.${i}`, Forwarded: `for=192.0.2.${i}`, Host: 'shop.example' }),
  );
  const admitted = answers.filter(({ status }) => status === 200);
  expect(admitted).toHaveLength(LIMIT);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(LIMIT);
  expect(new Set(answers.map(({ headers }) => headers['x-served-by'])).size).toBe(2);
  for (const { body, headers } of admitted) {
    expect(JSON.parse(body)).toEqual({
      ip: '127.0.0.2',
      source: 'redis',
      protocol: 'https',
      host: 'shop.example',
      forwardedHost: 'shop.example',
    });
    expect(headers['strict-transport-security']).toBeDefined();
  }
  // A denial is an answer: it is not asked for at the other server, and keeps its headers.
  const denied = answers.find(({ status }) => status === 429)!;
  expect(Number(denied.headers['retry-after'])).toBeGreaterThan(3_500);
  expect(JSON.parse(denied.body)).toMatchObject({ error: 'Too Many Requests' });

  const other = await clientAt('127.0.0.3');
  expect((await other.get('/')).status).toBe(200);

  // One is gone, as by the loss of its machine: the other answers, and the count goes on where it was.
  await compose.kill('app-1');
  const after = await times(LIMIT, () => other.get('/'));
  expect(after.map(({ status }) => status).sort()).toEqual([...Array(LIMIT - 1).fill(200), 429]);
});
