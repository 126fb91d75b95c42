// The benchmark's own Redis server, and a very small client for the few commands that measure it.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Starts a redis-server without persistence on a free port of loopback; `prefix` is the pinning command, `more` are
 * further settings.
 */
export async function startRedis(prefix, more = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const port = await freePort();
  const settings = {
    port,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir,
    daemonize: 'no',
    'tcp-backlog': 128,
    ...more,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const [command, ...rest] = [...prefix, 'redis-server', ...args];
  const server = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  server.once('error', (error) => {
    console.error(`redis-server cannot be started; install Redis 7 first. ${error.message}`);
    process.exit(1);
  });
  const exited = once(server, 'exit');
  // Also where the run ends by a signal or an error: nothing else would stop this server.
  const atExit = () => {
    server.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };
  process.once('exit', atExit);
  await Promise.race([
    readyLine(server.stdout),
    exited.then(([code]) => Promise.reject(new Error(`redis-server ended at its start, code ${code}`))),
  ]);
  const stop = async () => {
    server.kill('SIGTERM');
    await exited;
    process.off('exit', atExit);
    rmSync(dir, { recursive: true, force: true });
  };
  return { port, pid: server.pid, stop };
}

/** Three masters without replicas, as `redis-cli --cluster create` makes them. */
export async function startCluster() {
  const nodes = [];
  for (let i = 0; i < 3; i++) {
    const busPort = await freePort();
    nodes.push(await startRedis([], { 'cluster-enabled': 'yes', 'cluster-port': busPort }));
  }
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  return {
    redis: { cluster: nodes.map(({ port }) => ({ host: '127.0.0.1', port })) },
    stop: () => Promise.all(nodes.map((node) => node.stop())),
  };
}

async function readyLine(stdout) {
  let text = '';
  for await (const chunk of stdout) {
    text += chunk;
    if (text.includes('Ready to accept connections')) return;
  }
  throw new Error(`redis-server did not start; is it installed? ${text.trim()}`);
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// Adds up every counter in the database: what the server charged, to compare with what the clients were told.
const LEDGER = `local sum = 0
for _, key in ipairs(redis.call('KEYS', '*')) do sum = sum + tonumber(redis.call('GET', key)) end
return sum`;

/** One command at a time, outside the measured spans; understands integers, status lines and one bulk string. */
export async function openAdmin(port) {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const command = async (...parts) => {
    socket.write(`*${parts.length}\r\n${parts.map((p) => `$${Buffer.byteLength(p)}\r\n${p}\r\n`).join('')}`);
    let reply = '';
    while (!complete(reply)) reply += (await once(socket, 'data'))[0].toString('latin1');
    if (reply.startsWith('-')) throw new Error(`${parts[0]}: ${reply.slice(1).trim()}`);
    return reply.startsWith('$') ? reply.slice(reply.indexOf('\n') + 1, -2) : reply.slice(1, -2);
  };
  const field = async (section, name) => {
    const match = new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(await command('INFO', section));
    if (match === null) throw new Error(`INFO ${section} has no ${name}`);
    return match[1];
  };
  return {
    flush: () => command('FLUSHALL'),
    ledger: async () => Number(await command('EVAL', LEDGER, '0')),
    /** What one key was charged. */
    charged: async (key) =>
      Number(await command('EVAL', "return tonumber(redis.call('GET', KEYS[1]) or 0)", '1', key)),
    /** Bytes that a key takes, every element of it counted. */
    memoryUsage: (key) => command('MEMORY', 'USAGE', key, 'SAMPLES', '0'),
    version: () => field('server', 'redis_version'),
    /** Bytes that the server has allocated. */
    usedMemory: async () => Number(await field('memory', 'used_memory')),
    /** Seconds that the thread which runs the commands has spent, user and system. */
    cpuSeconds: async () =>
      Number(await field('cpu', 'used_cpu_user_main_thread')) +
      Number(await field('cpu', 'used_cpu_sys_main_thread')),
    close: () => socket.destroy(),
  };
}

function complete(reply) {
  const line = reply.indexOf('\r\n');
  if (line < 0) return false;
  return !reply.startsWith('$') || reply.length === line + 4 + Number(reply.slice(1, line));
}
