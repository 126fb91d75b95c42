// An app of Next.js in a folder of its own, with spillway from the tarball as a user would install it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { quietly, root } from './addon.mjs';
import { freePort } from './example.mjs';

const fixtures = join(root, 'test/fixtures');
export const VERSIONS = { 16: '16.4.6', 15.5: '15.5.29' };
const PNPM = 'pnpm@10.34.5';
const ENV = {
  ...process.env,
  NEXT_TELEMETRY_DISABLED: '1',
  NEXT_IGNORE_INCORRECT_LOCKFILE: '1',
  NO_COLOR: '1',
  FORCE_COLOR: '0',
};

/** What a builder is called on the command line; the other one is the version's default. */
const FLAGS = {
  16: { turbopack: [], webpack: ['--webpack'] },
  15.5: { turbopack: ['--turbopack'], webpack: [] },
};

export class NextApp {
  /** Installs the app into an empty folder. */
  constructor(version, manager, tarball, name = 'next-app') {
    this.fixture = join(fixtures, name);
    this.version = version;
    this.folder = mkdtempSync(join(tmpdir(), `spillway-next-${version}-${manager}-`));
    cpSync(this.fixture, this.folder, { recursive: true });
    if (existsSync(this.path('proxies'))) {
      const proxy = version === '16' ? 'proxy.ts' : 'middleware.ts';
      renameSync(this.path('proxies', proxy), this.path(proxy));
      rmSync(this.path('proxies'), { recursive: true });
    }
    const dependencies = { next: VERSIONS[version], react: '19.3.1', 'react-dom': '19.3.1' };
    const types = { '@types/node': '20.19.43', '@types/react': '19.3.0', typescript: '5.9.3' };
    dependencies.spillway = `file:${tarball}`;
    const described = { private: true, dependencies, devDependencies: types };
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify(described));
    const options = { cwd: this.folder, env: ENV };
    if (manager === 'npm') quietly('npm', ['install', '--include=dev', '--loglevel=error'], options);
    else
      quietly(
        'npm',
        ['exec', '--yes', `--package=${PNPM}`, '--', 'pnpm', 'install', '--prod=false'],
        options,
      );
    this.next = join(this.folder, 'node_modules/next/dist/bin/next');
  }

  path(...names) {
    return join(this.folder, ...names);
  }

  /** Runs `next build`; answers how it ended and all that it said. */
  build(bundler, env = {}) {
    rmSync(this.path('.next'), { recursive: true, force: true });
    const args = [this.next, 'build', ...FLAGS[this.version][bundler]];
    const ran = spawnSync(process.execPath, args, {
      cwd: this.folder,
      env: { ...ENV, ...env },
      encoding: 'utf8',
      timeout: 900_000,
      maxBuffer: 1 << 26,
    });
    return { good: ran.status === 0, said: `${ran.stdout}${ran.stderr}${ran.error?.message ?? ''}` };
  }

  /** `next start` or `next dev`. */
  serve(runner, bundler, env) {
    const flags = runner === 'dev' ? FLAGS[this.version][bundler] : [];
    return Server.start([this.next, runner, ...flags], this.folder, env);
  }

  /** What `output: 'standalone'` built, in another place, with nothing of the app around it. */
  serveStandalone(env) {
    const elsewhere = mkdtempSync(join(tmpdir(), 'spillway-standalone-'));
    cpSync(this.path('.next/standalone'), elsewhere, { recursive: true, verbatimSymlinks: true });
    cpSync(this.path('.next/static'), join(elsewhere, '.next/static'), { recursive: true });
    return Server.start(['server.js'], elsewhere, env, () => rmSync(elsewhere, { recursive: true }));
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Puts a file of the fixture back. */
  restore(name) {
    rmSync(this.path(name), { force: true });
    if (existsSync(join(this.fixture, name))) cpSync(join(this.fixture, name), this.path(name));
  }
}

/** A running app. */
class Server {
  constructor(child, address, afterwards) {
    this.child = child;
    this.address = address;
    this.ended = once(child, 'exit');
    this.afterwards = afterwards;
    this.said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (this.said += text));
  }

  static async start(args, cwd, env, afterwards = () => {}) {
    const port = await freePort(20_000 + Math.floor(Math.random() * 20_000));
    const child = spawn(process.execPath, args, { cwd, env: { ...ENV, ...env, PORT: String(port) } });
    const server = new Server(child, `http://localhost:${port}`, afterwards);
    for (let tries = 0; !(await server.answers()); tries++) {
      if (child.exitCode !== null || tries > 600) {
        child.kill('SIGKILL');
        throw new Error(`The app does not answer:\n${server.said}`);
      }
      await setTimeout(100);
    }
    return server;
  }

  async answers() {
    try {
      return (await this.ask('/api/started')).ok;
    } catch {
      return false;
    }
  }

  ask(path, options) {
    return fetch(this.address + path, options);
  }

  /** Ends it as a deployment does; answers the exit code. */
  async stop() {
    this.child.kill('SIGTERM');
    const [code] = await this.ended;
    this.afterwards();
    return code;
  }
}
