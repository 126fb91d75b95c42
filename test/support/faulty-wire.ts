import type { Socket } from 'node:net';
import { Relay } from './relay';
import { delay } from './wait';

/** What becomes of the bytes between a client and its server. */
export type WireFault =
  | { readonly kind: 'none' }
  /** Nothing arrives, in neither direction; connections stay. */
  | { readonly kind: 'blackhole' }
  /** Connections are lost, and new ones are accepted by somebody who says nothing: at TLS, at the login. */
  | { readonly kind: 'mute' }
  /** Of what clients write, so many bytes are read a second. */
  | { readonly kind: 'deaf'; readonly bytesPerSecond: number }
  /** Connections are ended at once, new ones too. */
  | { readonly kind: 'refuse' }
  /** Each connection is reset after so many bytes of replies, one more with each connection. */
  | { readonly kind: 'cut'; readonly fromByte: number }
  /** Replies come later by so many ms. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Replies come byte by byte, with so many ms in between. */
  | { readonly kind: 'trickle'; readonly everyMs: number }
  /** In front of each reply stands something else. */
  | { readonly kind: 'insert'; readonly bytes: string };

const NONE: WireFault = { kind: 'none' };

/** Stands between clients and their server, and does harm when told to. */
export class FaultyWire extends Relay {
  private fault: WireFault = NONE;
  private cutAt = 0;

  static start(port: number): Promise<FaultyWire> {
    return new FaultyWire().listen(port);
  }

  become(fault: WireFault): void {
    this.fault = fault;
    if (fault.kind === 'cut') this.cutAt = fault.fromByte;
    if (fault.kind === 'refuse' || fault.kind === 'cut' || fault.kind === 'mute') this.cut();
  }

  /** As at first. What was swallowed does not come any more, so its connections end. */
  mend(): void {
    const lost = ['blackhole', 'mute', 'insert'].includes(this.fault.kind);
    this.fault = NONE;
    if (lost) this.cut();
  }

  protected pass(client: Socket, upstream: Socket): void {
    if (this.fault.kind === 'refuse') client.resetAndDestroy();
    let left = this.fault.kind === 'cut' ? this.cutAt++ : Infinity;
    let order = Promise.resolve();
    let heard = Promise.resolve();
    client.on('data', (chunk) => {
      if (this.isSilent) return;
      if (this.fault.kind !== 'deaf') return void upstream.write(chunk);
      const { bytesPerSecond } = this.fault;
      client.pause();
      heard = heard.then(() => this.hear(client, upstream, chunk, bytesPerSecond));
    });
    upstream.on('data', (chunk) => {
      order = order.then(async () => {
        const { fault } = this;
        if (fault.kind === 'cut') {
          client.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) client.resetAndDestroy();
          return;
        }
        if (this.isSilent) return;
        if (fault.kind === 'slow') await delay(fault.ms);
        if (fault.kind === 'trickle') return this.trickle(client, chunk, fault.everyMs);
        if (fault.kind === 'insert') client.write(fault.bytes, 'latin1');
        client.write(chunk);
      });
    });
  }

  private get isSilent(): boolean {
    return this.fault.kind === 'blackhole' || this.fault.kind === 'mute';
  }

  private async hear(client: Socket, upstream: Socket, chunk: Buffer, bytesPerSecond: number): Promise<void> {
    for (let i = 0; i < chunk.length; i++) {
      if (this.fault.kind !== 'deaf') {
        upstream.write(chunk.subarray(i));
        break;
      }
      upstream.write(chunk.subarray(i, i + 1));
      await delay(1_000 / bytesPerSecond);
    }
    client.resume();
  }

  private async trickle(client: Socket, chunk: Buffer, everyMs: number): Promise<void> {
    for (let i = 0; i < chunk.length; i++) {
      if (this.fault.kind !== 'trickle') {
        client.write(chunk.subarray(i));
        return;
      }
      client.write(chunk.subarray(i, i + 1));
      await delay(everyMs);
    }
  }
}
