import { delay, timed } from './wait';

/** Checks every few milliseconds until told to stop, and keeps what came back and how long each took. */
export class Load<Decision> {
  readonly results: { value: Decision; ms: number }[] = [];
  private readonly under: Promise<unknown>[] = [];
  private stopped = false;
  private readonly done: Promise<void>;

  constructor(private readonly ask: () => Promise<Decision>) {
    this.done = this.run();
  }

  async stop(): Promise<{ value: Decision; ms: number }[]> {
    this.stopped = true;
    await this.done;
    await Promise.all(this.under);
    return this.results;
  }

  /** Also where a test fails before it stops the load. */
  async close(): Promise<void> {
    await this.stop();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.under.push(timed(this.ask()).then((result) => this.results.push(result)));
      await delay(5);
    }
  }
}
