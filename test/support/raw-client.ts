import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encode, ReplyError, RespReader, type Reply } from './resp';

interface Waiter {
  resolve(reply: Reply): void;
  reject(reason: Error): void;
}

/** One plain connection that sends what it is told: the tests' own eye on the server. */
export class RawClient {
  private readonly waiting: Waiter[] = [];
  private readonly reader = new RespReader();

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      for (const reply of this.reader.feed(chunk)) {
        const waiter = this.waiting.shift();
        if (reply instanceof ReplyError) waiter?.reject(reply);
        else waiter?.resolve(reply);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const waiter of this.waiting.splice(0)) waiter.reject(new Error('connection closed'));
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Rejects with a ReplyError where the server answers one. */
  send(...args: (string | number | Buffer)[]): Promise<Reply> {
    if (this.socket.destroyed) return Promise.reject(new Error('connection closed'));
    this.socket.write(encode(args));
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    this.socket.destroy();
    await once(this.socket, 'close');
  }
}
