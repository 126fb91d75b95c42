import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { casStore, type CasSource } from 'spillway/store';
import { foreignEnv } from '../support/foreign';
import { FaultyWire } from '../support/faulty-wire';
import { freePort } from '../support/ports';
import { until } from '../support/wait';
import type { Place } from './play';

type Source = CasSource & { become(as: 'usual' | 'read-only' | 'strange'): Promise<unknown> };
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the processes that ask take it as it is, too
const casSource = require('./cas-source.cjs') as (port: number) => Source;

/** A store that can only compare and set, in a process of its own, behind a wire. */
export class CasPlace implements Place {
  readonly store = 'cas';
  readonly perSecond = 60;
  readonly nowhere = { kind: 'cas', port: 1 };
  private child: ChildProcess | undefined;

  private constructor(
    private readonly port: number,
    readonly wire: FaultyWire,
    /** Beside the wire. */
    readonly source: Source,
  ) {}

  static async start(): Promise<CasPlace> {
    const port = await freePort();
    const place = new CasPlace(port, await FaultyWire.start(port), casSource(port));
    await place.start();
    return place;
  }

  get given() {
    return { kind: 'cas', port: this.wire.port };
  }

  direct() {
    return { store: casStore(casSource(this.port)) };
  }

  /** Starts it (again), with nothing in it. */
  async start(): Promise<void> {
    const server = join(__dirname, 'cas-server.cjs');
    this.child = spawn(process.execPath, [server, `${this.port}`], { env: foreignEnv(), stdio: 'inherit' });
    await until('the store answers', () =>
      this.source.ping!().then(
        () => true,
        () => false,
      ),
    );
  }

  signal(name: NodeJS.Signals): void {
    this.child!.kill(name);
  }

  async kill(): Promise<void> {
    const exited = once(this.child!, 'exit');
    this.signal('SIGKILL');
    await exited;
  }

  async close(): Promise<void> {
    await this.source.close!();
    await this.wire.close();
    await this.kill();
  }
}
