import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Listens between clients and a server, and ends both sides of a connection together. What passes is for a subclass. */
export abstract class Relay {
  private readonly sockets = new Set<Socket>();
  private server!: Server;

  /** Starts to listen; each client gets a connection of its own to `port`, or to what that says at the moment. */
  protected async listen(port: number | (() => number)): Promise<this> {
    this.server = createServer({ noDelay: true });
    this.server.on('connection', (client) => {
      const to = typeof port === 'number' ? port : port();
      const upstream = connect({ port: to, host: '127.0.0.1', noDelay: true });
      this.tie(client, upstream);
      this.tie(upstream, client);
      this.pass(client, upstream);
    });
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    await closed;
  }

  /** A client has come: says what is passed on. */
  protected abstract pass(client: Socket, upstream: Socket): void;

  private tie(socket: Socket, other: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      other.destroy();
    });
  }
}
