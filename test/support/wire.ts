import type { Socket } from 'node:net';
import { Relay } from './relay';

/** The wire to a server, byte by byte: in pieces, cut, or silent after so many bytes of the server's. */
export class Wire extends Relay {
  /** Passes one byte at a time, both ways. */
  byteByByte = false;
  /** Once set: connections are reset when so many bytes of the server's were passed on. */
  cutAfter: number | undefined;
  /** Once set: nothing more of the server's is passed on after so many bytes. */
  silentAfter: number | undefined;
  /** Bytes of the server's that the last connection got. */
  passed = 0;
  /** Bytes that clients sent. */
  sent = 0;

  static to(port: number): Promise<Wire> {
    return new Wire().listen(port);
  }

  protected pass(client: Socket, upstream: Socket): void {
    const { cutAfter, silentAfter = Infinity } = this;
    this.passed = 0;
    let passed = 0;
    if (cutAfter === 0) return void client.resetAndDestroy();
    this.copy(client, upstream, (chunk) => ((this.sent += chunk.length), chunk));
    this.copy(upstream, client, (chunk) => {
      const part = chunk.subarray(0, Math.min(cutAfter ?? Infinity, silentAfter) - passed);
      this.passed = passed += part.length;
      return part;
    });
    client.on('drained', () => {
      // Reset in the read's own turn would overtake bytes that the kernel still holds: it drops what is unread.
      if (passed === cutAfter) setImmediate(() => client.resetAndDestroy());
    });
  }

  private copy(from: Socket, to: Socket, limit: (chunk: Buffer) => Buffer): void {
    let turn: Promise<void> = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      turn = turn.then(() => this.write(to, limit(chunk)));
    });
  }

  private async write(to: Socket, bytes: Buffer): Promise<void> {
    const step = this.byteByByte ? 1 : Math.max(bytes.length, 1);
    for (let at = 0; at < bytes.length && !to.destroyed; at += step) {
      await new Promise((resolve) => to.write(bytes.subarray(at, at + step), resolve));
      // The reader gets its turn between two bytes.
      if (this.byteByByte) await new Promise(setImmediate);
    }
    to.emit('drained');
  }
}
