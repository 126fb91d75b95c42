import { SetClock } from './clock';
import { playSteps, type Said, type Step } from './player';
import { RedisServer } from './redis';

/** A multiple of every sub-window, so that all stores cut time at the same moments. */
const START = 1_899_999_996_000;

/**
 * The ways to the same answers. By scripts alone: the server's version cannot be read. Beside another: each rule stands
 * in a plan with a second one, which never denies first.
 */
export type Form =
  | 'in process'
  | 'in process, beside another'
  | 'on Redis'
  | 'on Redis, by scripts alone'
  | 'on Redis, beside another';

/** A client's process and a Redis server that both live in the test's time, so that every number is exact. */
export class Stage {
  private constructor(
    private readonly clocks: { client: SetClock; server: SetClock },
    readonly server: RedisServer,
  ) {}

  static async open(): Promise<Stage> {
    const clocks = { client: new SetClock({ monotonic: true }), server: new SetClock() };
    const server = await RedisServer.start({ env: clocks.server.env });
    await server.command('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '+@all', '-info');
    return new Stage(clocks, server);
  }

  /** What is answered at each step of each sequence; the sequences have a key each. */
  async play(sequences: Step[][], form: Form): Promise<Said[][]> {
    await this.server.command('FLUSHALL');
    const login = form === 'on Redis, by scripts alone' ? { username: 'limited', password: 'secret' } : {};
    const redis = form.startsWith('on Redis') ? { url: this.server.url, ...login } : undefined;
    const beside = form.endsWith('beside another');
    return playSteps(sequences, this.clocks, START, { redis, beside });
  }

  async close(): Promise<void> {
    await this.server.close();
    this.clocks.client.close();
    this.clocks.server.close();
  }
}
