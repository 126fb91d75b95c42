import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TlsOptions } from 'node:tls';
import { FakeCommands, type FakeOptions, type Session } from './fake-commands';
import { RespReader } from './resp';
import { until } from './wait';

/** No reply, and the connection stays. */
export const STALL = Symbol('stall');
/** An orderly end (FIN) in place of the reply. */
export const CLOSE = Symbol('close');
/** A reset (RST) in place of the reply. */
export const RESET = Symbol('reset');

/** A reply's bytes, one of the above, or undefined: as the server would by itself. */
export type Answer = string | Buffer | typeof STALL | typeof CLOSE | typeof RESET | undefined;

export interface Peer extends Session {
  readonly socket: Socket;
  /** 0 for the first connection. */
  readonly number: number;
  readonly commands: string[][];
}

/** Asked before every reply. */
export type Hook = (command: string[], peer: Peer) => Answer;

export interface Received {
  command: string[];
  peer: number;
  /** By performance.now(). */
  at: number;
}

/** A server that speaks Redis well enough for the client, and says or does what a test wants instead. */
export class FakeRedis {
  /** Every command received, oldest first. */
  readonly log: Received[] = [];
  /** When each connection came, by performance.now(). */
  readonly accepted: number[] = [];
  readonly commands: FakeCommands;
  hook: Hook = () => undefined;
  /** `silent` accepts and reads nothing; `reset` ends at once; `refuse` sends this error line and closes. */
  onAccept: 'talk' | 'silent' | 'reset' | { refuse: string } = 'talk';
  /** Replies one byte at a time, each in a write of its own. */
  byteByByte = false;
  /** Once set: a connection is reset after so many more bytes of replies. */
  resetAfter: number | undefined;
  /** Connections that were accepted in silence. */
  readonly silent: Socket[] = [];
  private gate: Promise<void> | undefined;
  private openGate: () => void = () => {};
  private readonly open = new Set<Peer>();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    options: FakeOptions & { tls?: TlsOptions },
  ) {
    this.commands = new FakeCommands(options);
    this.needsAuth = options.password !== undefined;
    // Over TLS a connection comes when its handshake is done.
    server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => this.accept(socket));
    // A client that does not trust us leaves in mid-handshake.
    server.on('tlsClientError', () => {});
    // Over TLS this comes before the handshake; who does not finish it has to be let go as well.
    server.on('connection', (socket: Socket) => this.keep(socket));
    this.scheme = options.tls ? 'rediss' : 'redis';
  }

  private readonly scheme: string;

  private readonly needsAuth: boolean;

  /** With `tls`, a server's options, everything is said over TLS. */
  static async start(options: FakeOptions & { tls?: TlsOptions } = {}): Promise<FakeRedis> {
    const server = options.tls ? createTlsServer(options.tls) : createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeRedis(server, options);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }

  get peers(): Peer[] {
    return [...this.open];
  }

  /** The commands of this name that were received, by any connection. */
  received(name: string): string[][] {
    return this.log.map((entry) => entry.command).filter(([first]) => first?.toUpperCase() === name);
  }

  /** Waits for the nth command of this name (1 for the first). */
  async saw(name: string, times = 1): Promise<void> {
    await until(`${times} × ${name}`, () => this.received(name).length >= times, { everyMs: 1 });
  }

  /** From now on it shows another certificate; sessions of the former one are not resumed. */
  renew(identity: { cert: string; key: string }): void {
    (this.server as TlsServer).setSecureContext(identity);
  }

  /** Keeps every reply, from the one being made on, until resume(). */
  pause(): void {
    this.gate ??= new Promise((resolve) => (this.openGate = resolve));
  }

  resume(): void {
    this.gate = undefined;
    this.openGate();
  }

  /** Says something that nobody asked for, to every connection. */
  say(bytes: string | Buffer): void {
    for (const { socket } of this.open) socket.write(bytes);
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
  }

  private accept(socket: Socket): void {
    this.accepted.push(performance.now());
    this.keep(socket);
    const how = this.onAccept;
    if (how === 'reset') socket.resetAndDestroy();
    else if (how === 'silent') this.silent.push(socket.pause());
    else if (how === 'talk') this.talk(socket);
    else socket.end(`-${how.refuse}\r\n`);
  }

  private talk(socket: Socket): void {
    const reader = new RespReader();
    const authenticated = !this.needsAuth;
    const number = this.accepted.length - 1;
    const peer: Peer = { socket, number, commands: [], authenticated, name: '', db: 0 };
    let turn: Promise<void> = Promise.resolve();
    this.open.add(peer);
    socket.on('close', () => this.open.delete(peer));
    socket.on('data', (chunk) => {
      const replies: Answer[] = [];
      for (const command of reader.feed(chunk) as string[][]) {
        this.log.push({ command, peer: number, at: performance.now() });
        peer.commands.push(command);
        replies.push(this.hook(command, peer) ?? this.commands.answer(command, peer));
      }
      turn = turn.then(() => this.reply(socket, replies));
    });
  }

  private async reply(socket: Socket, replies: Answer[]): Promise<void> {
    await this.gate;
    let out = Buffer.alloc(0);
    for (const reply of replies) {
      if (reply === STALL || reply === undefined) continue;
      if (reply === CLOSE || reply === RESET) {
        await this.write(socket, out);
        return void (reply === CLOSE ? socket.end() : socket.resetAndDestroy());
      }
      out = Buffer.concat([out, Buffer.from(reply)]);
    }
    await this.write(socket, out);
  }

  private async write(socket: Socket, bytes: Buffer): Promise<void> {
    let rest = bytes;
    if (this.resetAfter !== undefined) {
      rest = rest.subarray(0, this.resetAfter);
      this.resetAfter -= rest.length;
    }
    const step = this.byteByByte ? 1 : rest.length;
    for (let at = 0; at < rest.length && !socket.destroyed; at += step) {
      await new Promise((resolve) => socket.write(rest.subarray(at, at + step), resolve));
      // The reader gets its turn between two bytes.
      if (this.byteByByte) await new Promise(setImmediate);
    }
    // Reset in the read's own turn would overtake bytes that the kernel still holds: it drops what is unread.
    if (this.resetAfter === 0) setImmediate(() => socket.resetAndDestroy());
  }
}

/** A hook for a dialogue: each step waits for a command of its name and gives its answer; the rest is as usual. */
export function dialogue(...steps: [name: string, answer: Answer][]): Hook {
  let next = 0;
  return ([name = '']) => {
    const step = steps[next];
    if (step === undefined || step[0] !== name.toUpperCase()) return undefined;
    next++;
    return step[1];
  };
}
