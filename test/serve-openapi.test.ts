/** The OpenAPI document of `spillway serve`: valid, and what it says is what is answered, to a program in Python. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from '@readme/openapi-parser';
import { owner } from './support/owned';
import { ROOT } from './support/process';
import { RedisServer } from './support/redis';
import { Service, type ServiceOptions } from './support/service';

const own = owner();
const FILE = join(ROOT, 'schema/openapi.json');
const KEY = 'a-key-of-the-tests-which-is-long';
const CONFIG = {
  plans: { FREE: '100/h' },
  rules: [{ id: 'login', match: 'POST:/api/login', by: 'ip', rate: '5/m' }],
};

interface Document {
  info: { version: string };
  paths: { [path: string]: { [method: string]: { responses: { [status: string]: object } } } };
}
const read = () => JSON.parse(readFileSync(FILE, 'utf8')) as Document;

test('a validator accepts it, and refuses it broken', async () => {
  expect(await validate(read() as never)).toMatchObject({ valid: true });
  const broken = read();
  Object.assign(Object.values(Object.values(broken.paths)[0]!)[0]!, { responses: { nothing: 5 } });
  expect(await validate(broken as never)).toMatchObject({ valid: false });
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(read().info.version).toBe(version);
});

/** What the program has seen, as `POST /v1/check 200`; it ends badly where an answer is not as the document says. */
async function follow(service: Service, phase: string): Promise<string[]> {
  const script = join(ROOT, 'test/support/follow_openapi.py');
  const child = spawn('python3', [script, `${service.url}/openapi.json`, service.url, phase, KEY]);
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ phase, code, err }).toEqual({ phase, code: 0, err: '' });
  return JSON.parse(out) as string[];
}

test('a program that knows nothing but the document gets every answer that it names, and no other', async () => {
  const redis = await own(RedisServer.start());
  const started = (options: ServiceOptions = {}) =>
    own(
      Service.start({
        config: CONFIG,
        ...options,
        env: { REDIS_URL: redis.url, SPILLWAY_API_KEYS: KEY, ...options.env },
      }),
    );
  const seen = new Set<string>();
  const play = async (service: Service, phase: string) => {
    for (const one of await follow(service, phase)) seen.add(one);
  };
  const service = await started();
  expect((await service.ask('/openapi.json')).body).toEqual(read());
  await play(service, 'well');
  await play(await started({ env: { SPILLWAY_API_KEYS: '' } }), 'open');
  const hide = {
    NODE_OPTIONS: `--require ${join(ROOT, 'test/fixtures/serve/hide.cjs')}`,
    HIDDEN: 'prom-client',
  };
  await play(await started({ env: hide }), 'bare');
  const busy = await started({ config: { ...CONFIG, timeoutMs: 15_000, serve: { maxWaiting: 1 } } });
  await busy.post('/v1/check', { key: 'a', plan: 'FREE' }, KEY);
  redis.freeze();
  await play(busy, 'busy');
  redis.thaw();
  await redis.kill();
  await play(service, 'away');
  const named = Object.entries(read().paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  );
  expect([...seen].sort()).toEqual(named.sort());
}, 60_000);
