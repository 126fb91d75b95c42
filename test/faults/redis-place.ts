import { Authority } from '../support/certificates';
import { FaultyWire } from '../support/faulty-wire';
import { SetClock } from '../support/clock';
import { freePort } from '../support/ports';
import { RedisServer } from '../support/redis';
import type { Place } from './play';

/** A Redis behind a wire, asked by a user that is not the test's. */
export class RedisPlace implements Place {
  readonly store = 'redis';
  readonly perSecond = 200;

  private constructor(
    readonly server: RedisServer,
    readonly wire: FaultyWire,
    readonly clock: SetClock,
    private readonly authority?: Authority,
  ) {}

  static async start({ tls = false } = {}): Promise<RedisPlace> {
    const clock = new SetClock();
    const authority = tls ? new Authority() : undefined;
    const tlsPort = authority && (await freePort());
    const args = ['--enable-protected-configs', 'local'];
    if (authority) {
      const { certFile, keyFile } = authority.issue('server');
      args.push('--tls-port', `${tlsPort}`, '--tls-cert-file', certFile, '--tls-key-file', keyFile);
      args.push('--tls-ca-cert-file', authority.root.certFile, '--tls-auth-clients', 'no');
    }
    const server = await RedisServer.start({ env: clock.env, args });
    await server.command(...LOGIN);
    const wire = await FaultyWire.start(tlsPort ?? server.port);
    return new RedisPlace(server, wire, clock, authority);
  }

  get given() {
    const at = `127.0.0.1:${this.wire.port}`;
    const login = { username: 'app', password: 'secret' };
    const { authority } = this;
    const tls = authority && { url: `rediss://${at}`, tls: { ca: authority.root.cert } };
    return { kind: 'redis', options: { url: `redis://${at}`, ...login, ...tls } };
  }

  readonly nowhere = { kind: 'redis', options: 'redis://127.0.0.1:1' };

  direct() {
    return { redis: this.server.url };
  }

  /** Again, with its user, but without its data. */
  async restart(): Promise<void> {
    await this.server.start();
    await this.server.command(...LOGIN);
  }

  set(...settings: (string | number)[]): Promise<unknown> {
    return this.server.command('CONFIG', 'SET', ...settings);
  }

  user(...rules: string[]): Promise<unknown> {
    return this.server.command('ACL', 'SETUSER', 'app', ...rules);
  }

  async close(): Promise<void> {
    await this.wire.close();
    await this.server.close();
    this.clock.close();
    this.authority?.close();
  }
}

const LOGIN = ['ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all'];
