/** examples/deploy/app/Dockerfile, built step by step, and what came of it behind nginx with Redis, as compose.yaml has them. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Compose, DEPLOY } from '../support/compose';
import { HttpsClient } from '../support/https-client';
import { ImageBuild } from '../support/image';
import { times } from '../support/ledger';
import { owner } from '../support/owned';
import { ROOT } from '../support/process';
import { RedisServer } from '../support/redis';
import { until } from '../support/wait';

jest.setTimeout(180_000);
const own = owner();
let build: ImageBuild;
beforeAll(async () => {
  build = await ImageBuild.of(join(DEPLOY, 'app/Dockerfile'), ROOT);
}, 900_000);
// It is undefined where it could not be built.
afterAll(() => (build as ImageBuild | undefined)?.close());

test('nothing of the system is installed but what compiling needs', () => {
  expect(build.skipped).toHaveLength(1);
  const [, names = ''] = /--no-install-recommends ([\w -]+) &&/.exec(build.skipped[0]!) ?? [];
  // The full image of Node.js has the others: a compiler, make, git, OpenSSL's headers, and Node's own.
  const ask =
    "import('./scripts/lib/addon.mjs').then((addon) => console.log(`${addon.missingBuildPackages()}`))";
  const missing = execFileSync(process.execPath, ['-e', ask], { cwd: ROOT, encoding: 'utf8' });
  expect(names.split(' ')).toEqual(['cmake', 'libhiredis-dev']);
  expect(missing).toBe('\n');
});

test.each(['app', 'service'])('%s runs as nobody who may anything, and writes nothing', (name) => {
  const image = build.image(name);
  const said = image.run(['sh', '-c', 'id -u; grep CapBnd /proc/self/status; touch written 2>&1 || true']);
  expect(said).toEqual({
    code: 0,
    said: expect.stringMatching(/^1000\nCapBnd:\s+0+\ntouch: .*Read-only file system\n$/),
  });
});

test.each([
  ['app', ['node', 'node_modules/spillway/dist/cli/bin.js']],
  ['service', undefined],
])('%s: the command line is in it', async (name, command) => {
  const image = build.image(name);
  const redis = await own(RedisServer.start());
  const ask = (...args: string[]) =>
    image.run([...(command ?? image.entrypoint), ...args], { REDIS_URL: redis.url });
  expect(ask('health')).toEqual({ code: 0, said: expect.stringMatching(/^healthy {2}redis/) });
  await redis.kill();
  expect(ask('health')).toMatchObject({ code: 1, said: expect.stringContaining('connection refused') });
});

test('service: it serves, unless told otherwise', () => {
  expect(build.image('service').cmd).toEqual(['serve', '--host', '0.0.0.0']);
});

describe('app, behind nginx', () => {
  let compose: Compose;
  beforeEach(async () => {
    compose = await own(Compose.start('app', build.image('app')));
  });
  const clientAt = (address: string) =>
    own(new HttpsClient(compose.port('nginx', 8443), compose.secret('ca.crt'), address));
  const json = (body: string) => JSON.parse(body) as Record<string, unknown>;

  test('counts in Redis, by the address of the client, and its page is there', async () => {
    const liar = await clientAt('127.0.0.2');
    expect((await liar.get('/')).body).toMatch(/A limit being used up/);
    const limited = await times(12, () => liar.get('/api/limited?org=acme'));
    expect(limited.map(({ status }) => status).sort()).toEqual([...Array(10).fill(200), 429, 429]);
    expect(limited.map(({ body }) => json(body)).some(({ remaining }) => remaining === 0)).toBe(true);
    expect(json((await liar.get('/api/health')).body)).toMatchObject({ status: 'healthy', store: 'redis' });

    // 300 a minute for each address, whatever it claims.
    const answers = await times(310, (i) =>
      liar.get('/api/status?org=globex', { 'X-Forwarded-For': `192.0.2.${i % 250}` }),
    );
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(10);
    const other = await clientAt('127.0.0.3');
    expect((await other.get('/api/status?org=globex')).status).toBe(200);
  });

  test('its health check holds while Redis is away, and a password is in no log', async () => {
    const image = build.image('app');
    const PORT = `${compose.port('app-1', 3000)}`;
    const client = await clientAt('127.0.0.2');
    expect(image.isHealthy({ PORT })).toBe(true);
    await compose.kill('redis');
    const { status, body } = await client.get('/api/health');
    expect([status, json(body)]).toMatchObject([200, { status: 'degraded' }]);
    expect(image.isHealthy({ PORT })).toBe(true);
    expect((await client.get('/api/limited?org=umbrella')).status).toBe(200);
    await compose.run('redis');
    const healthy = async () => json((await client.get('/api/health')).body).status === 'healthy';
    await until('it counts again', healthy, { withinMs: 15_000, everyMs: 100 });
    for (const service of ['app-1', 'app-2', 'nginx']) {
      const log = compose.log(service);
      for (const name of ['app-password', 'admin-password'])
        expect(log.includes(compose.secret(name))).toBe(false);
      expect(log).not.toMatch(/EROFS|EACCES|ENOENT/);
    }
    expect(image.isHealthy({ PORT: '1' })).toBe(false);
  });

  test('another version comes, one server after the other, and no request is lost', async () => {
    const client = await clientAt('127.0.0.2');
    let isOver = false;
    const statuses: Record<number, number> = {};
    const asking = times(4, async () => {
      while (!isOver) {
        const { status } = await client.get('/api/health');
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
    });
    for (const service of ['app-1', 'app-2']) {
      const start = performance.now();
      expect([0, 143]).toContain(await compose.stop(service));
      // Of the 30 s that compose.yaml and the unit give; nginx keeps no connection longer than 10.
      expect(performance.now() - start).toBeLessThan(20_000);
      await compose.run(service);
    }
    isOver = true;
    await asking;
    expect(Object.keys(statuses)).toEqual(['200']);
    expect(statuses[200]).toBeGreaterThan(100);
  });
});

test('app: what Next.js traced, and neither sources nor compilers', () => {
  const { said } = build
    .image('app')
    .run(['sh', '-c', 'cd /app && ls node_modules/spillway && du -sm . | cut -f1']);
  expect(said).not.toMatch(/^(src|binding|CMakeLists.txt)$/m);
  expect(Number(said.trim().split('\n').at(-1))).toBeLessThan(120);
});
