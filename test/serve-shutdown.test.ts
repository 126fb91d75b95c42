/** How `spillway serve` ends: nothing that was sent to it is lost. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { owner } from './support/owned';
import { RedisServer } from './support/redis';
import { Service } from './support/service';
import { until } from './support/wait';

const own = owner();
const CONFIG = { rate: '1000000/h', timeoutMs: 5_000 };
/** Where it is counted what the callers ask. */
const COUNT = '{ratelimit:a}:@rate-1h';

async function started(config: object = CONFIG) {
  const redis = await own(RedisServer.start());
  const service = await own(Service.start({ config, env: { REDIS_URL: redis.url } }));
  return { redis, service };
}

/** Callers that ask one after the other for as long as somebody listens. */
class Load {
  answered = 0;
  /** Sent, and not answered. */
  lost: string[] = [];
  isOver = false;
  private readonly agent: Agent;
  private readonly callers: Promise<void>[];

  constructor(
    private readonly port: number,
    callers: number,
    keepAlive: boolean,
  ) {
    this.agent = new Agent({ keepAlive, maxSockets: callers });
    this.callers = Array.from({ length: callers }, () => this.call());
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.callers);
    this.agent.destroy();
  }

  private async call(): Promise<void> {
    while (!this.isOver) {
      const outcome = await this.one();
      if (outcome === 'ok') this.answered++;
      else if (outcome === 'ECONNREFUSED') return;
      else this.lost.push(outcome);
    }
  }

  private one(): Promise<string> {
    const body = JSON.stringify({ key: 'a' });
    return new Promise((resolve) => {
      const asked = request({
        ...{ agent: this.agent, host: '127.0.0.1', port: this.port, method: 'POST', path: '/v1/check' },
        headers: { 'content-type': 'application/json', 'content-length': body.length },
      });
      asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      asked.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('end', () => resolve(/"reason":"ok"/.test(text) ? 'ok' : text));
        response.on('error', (error) => resolve(error.message));
      });
      asked.end(body);
    });
  }
}

test.each([1, 2, 3, 4])(
  'nothing is lost over SIGTERM %i under load: what is answered is what was charged',
  async () => {
    const { redis, service } = await started();
    const load = new Load(service.port, 128, true);
    await until('it is asked', () => load.answered > 500);
    service.signal('SIGTERM');
    expect(await service.ended).toBe(0);
    await load.end();
    expect(load.lost).toEqual([]);
    expect(await redis.charged(COUNT)).toBe(load.answered);
    expect(service.lines.map(({ event }) => event)).toEqual(['started', 'stopping', 'stopped']);
    expect(service.said('stopped')).toMatchObject({ level: 'info', cut: 0 });
  },
);

test('while it drains it still listens, says so at health, and answers new connections', async () => {
  const { redis, service } = await started({ ...CONFIG, serve: { drainMs: 3_000 } });
  const load = new Load(service.port, 8, false);
  await until('it is asked', () => load.answered > 100);
  service.signal('SIGTERM');
  await service.hears('stopping');
  const { status, body, headers } = await service.ask('/health');
  expect([status, body.status, headers.get('connection')]).toEqual([503, 'stopping', 'keep-alive']);
  const before = load.answered;
  await until('others are answered', () => load.answered > before + 100);
  // A load balancer that has seen the 503 sends nothing more.
  await load.end();
  expect(await service.ended).toBe(0);
  expect(load.lost).toEqual([]);
  expect(await redis.charged(COUNT)).toBe(load.answered);
});

test('what waits for the store is answered, and its connection ends', async () => {
  const { redis, service } = await started();
  await service.post('/v1/check', { key: 'a' });
  redis.freeze();
  const waiting = service.post('/v1/check', { key: 'a' });
  await until('it waits', async () =>
    ((await service.ask('/metrics')).body as string).includes('_waiting 1'),
  );
  service.signal('SIGTERM');
  await until('nobody listens', () => isRefused(service.port));
  redis.thaw();
  const { status, body, headers } = await waiting;
  expect([status, body.reason, headers.get('connection')]).toEqual([200, 'ok', 'close']);
  expect(await service.ended).toBe(0);
});

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });
}

/** A connection that has been opened, and what comes over it. */
async function opened(port: number): Promise<{ socket: Socket; text: () => string; closed: Promise<void> }> {
  let text = '';
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  return { socket, text: () => text, closed };
}

const GET = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';

test('a connection that is kept may still ask once, and one that stays idle is closed', async () => {
  const { service } = await started();
  const [one, other] = [await opened(service.port), await opened(service.port)];
  for (const { socket } of [one, other]) socket.write(GET);
  await until('both are answered', () => [one, other].every(({ text }) => text().includes('healthy')));
  service.signal('SIGTERM');
  await until('nobody listens', () => isRefused(service.port));
  one.socket.write(GET);
  await one.closed;
  expect(one.text().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 503']);
  expect(one.text()).toContain('connection: close');
  await other.closed;
  expect(await service.ended).toBe(0);
});

test('a request that never becomes whole is cut at the bound', async () => {
  const { service } = await started({ ...CONFIG, serve: { stopMs: 500 } });
  const { socket, closed } = await opened(service.port);
  socket.write(
    'POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
  );
  await service.ask('/health');
  service.signal('SIGTERM');
  const startMs = performance.now();
  await closed;
  expect(await service.ended).toBe(0);
  expect(performance.now() - startMs).toBeGreaterThan(400);
  expect(service.said('stopped')).toMatchObject({ level: 'warn', cut: 1 });
});

test('a second signal waits for nothing', async () => {
  const { service } = await started({ ...CONFIG, serve: { stopMs: 60_000 } });
  const { socket, closed } = await opened(service.port);
  socket.write('GET /health HTTP/1.1\r\n');
  await service.ask('/health');
  service.signal('SIGINT');
  await service.hears('stopping');
  service.signal('SIGTERM');
  await closed;
  expect(await service.ended).toBe(128 + 15);
});
