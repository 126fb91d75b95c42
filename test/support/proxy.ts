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

  /** Keeps back what the client sends, from the first write on that matches. */
  holdFrom(pattern: RegExp): void {
    this.pattern = pattern;
  }

  release(): void {
    this.pattern = undefined;
    this.holding = false;
    for (const send of this.held.splice(0)) send();
  }

  protected pass(client: Socket, upstream: Socket): void {
    upstream.on('data', (chunk) => client.write(chunk));
    client.on('data', (chunk) => {
      if (this.pattern?.test(chunk.toString('latin1')) === true) this.holding = true;
      if (this.holding) this.held.push(() => upstream.write(chunk));
      else upstream.write(chunk);
    });
  }
}
