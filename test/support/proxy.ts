import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between client and server, passes everything on, and keeps back what the client sends when told to. */
export class Proxy {
  private readonly sockets = new Set<Socket>();
  private readonly held: (() => void)[] = [];
  private pattern: RegExp | undefined;
  private holding = false;

  private constructor(private readonly server: Server) {}

  static async start(port: number): Promise<Proxy> {
    const server = createServer({ noDelay: true });
    const proxy = new Proxy(server);
    server.on('connection', (client) => proxy.pass(client, port));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Whether something is being kept back. */
  get isHolding(): boolean {
    return this.held.length > 0;
  }

  /** Keeps back what the client sends, from the first write on that matches. */
  holdFrom(pattern: RegExp): void {
    this.pattern = pattern;
  }

  release(): void {
    this.pattern = undefined;
    this.holding = false;
    for (const send of this.held.splice(0)) send();
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private pass(client: Socket, port: number): void {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      if (this.pattern?.test(chunk.toString('latin1')) === true) this.holding = true;
      if (this.holding) this.held.push(() => upstream.write(chunk));
      else upstream.write(chunk);
    });
  }
}
