import type { Socket } from 'node:net';
import { Relay } from './relay';

/** Stands between client and server, passes everything on, and keeps back what the client sends when told to. */
export class Proxy extends Relay {
  private readonly held: (() => void)[] = [];
  private pattern: RegExp | undefined;
  private holding = false;

  static start(port: number | (() => number)): Promise<Proxy> {
    return new Proxy().listen(port);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Whether something is being kept back. */
  get isHolding(): boolean {
    return this.held.length > 0;
  }

  /** Keeps back what the client sends, from the first match on: what stands in front of it in the same write is sent. */
  holdFrom(pattern: RegExp): void {
    this.pattern = pattern;
  }

  /** Sends what was kept back, and goes on as at first, or holds from `next` on. */
  release(next?: RegExp): void {
    this.pattern = next;
    this.holding = false;
    for (const send of this.held.splice(0)) send();
  }

  protected pass(client: Socket, upstream: Socket): void {
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      const from = this.holding ? 0 : chunk.toString('latin1').search(this.pattern ?? /$^/);
      if (from !== 0) upstream.write(from < 0 ? chunk : chunk.subarray(0, from));
      if (from < 0) return;
      this.holding = true;
      this.held.push(() => upstream.write(chunk.subarray(from)));
    });
  }
}
