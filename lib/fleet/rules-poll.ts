import { RateLimitError } from '../base/errors';
import type { Log } from '../telemetry/logger';
import { heldAt, nextExpiry, NO_RULES, readDocument, type RulesDocument } from './document';
import type { Follower, Followers } from './followers';
import type { FleetStore } from './store';
import type { Versioned } from '../stores/documents';
import type { SharedRulesStatus } from '../stores/types';

/** A change is seen after this and a round trip: within a second. */
const POLL_EVERY_MS = 500;
export const RULES = 'rules';

/** What this process knows of the rules that are shared, and how it learns of others while a limiter is in use. */
export class RulesPoll {
  /** The last good ones. */
  document: RulesDocument = NO_RULES;
  /** Of what was read last, good or not. */
  private version = '';
  private current = false;
  private missed = false;
  /** Why what was read last is not in use. */
  private unread: string | null = null;
  /** Why a limiter does not use it. */
  private refused: string | null = null;
  /** The store had none, after it had some. */
  private gone = false;
  private expiryMs = Infinity;
  private running = false;
  /** Of starts: a run that was stopped while it waited does not go on. */
  private generation = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: FleetStore,
    private readonly followers: Followers,
    private readonly log: Log,
  ) {}

  get status(): SharedRulesStatus {
    const { version, current, unread, refused } = this;
    return { version, current, error: unread ?? refused };
  }

  /** A limiter was created: what is known holds from its first call on. */
  follow(follower: Follower): void {
    this.followers.add(follower);
    if (this.document !== NO_RULES) this.apply();
  }

  /** A limiter is asked for the first time: what is new will hold for it, too. */
  start(): void {
    this.apply();
    if (this.running) return;
    this.running = true;
    void this.run(++this.generation);
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** Reads what is stored and puts it in use, unless this process has changed it meanwhile: that is newer. */
  async read(): Promise<Versioned> {
    const { version } = this;
    const found = await this.store.documents.read(RULES);
    if (this.version === version) this.take(found);
    return found;
  }

  /** Puts in use what was read or written. */
  take({ version, text }: Versioned): void {
    this.gone = version === '' && this.version !== '';
    if (this.gone) {
      this.unread = 'the store has none any more';
      this.log.once(
        `shared rules after ${this.version}`,
        'The store has no shared rules any more; those that were read last hold on, and the next change writes them again.',
      );
      return;
    }
    this.version = version;
    try {
      this.document = readDocument({ version, text });
    } catch (error) {
      if (!(error instanceof RateLimitError)) throw error;
      this.unread = error.message;
      this.log.once(
        `shared rules ${version}`,
        `Shared rules (version ${version}) cannot be read, and those before them hold on: ${error.message}`,
        'error',
      );
      return;
    }
    this.unread = null;
    this.apply();
  }

  private apply(): void {
    const nowMs = Date.now();
    this.expiryMs = nextExpiry(this.document, nowMs);
    this.refused = this.followers.use(heldAt(this.document, nowMs), this.version);
  }

  private async run(generation: number): Promise<void> {
    try {
      const { documents } = this.store;
      if ((await documents.version(RULES)) !== this.version || !this.current || this.gone) {
        await this.read();
      }
      this.told(undefined);
    } catch (error) {
      this.told(error instanceof Error ? error.message : String(error));
    }
    if (Date.now() >= this.expiryMs) this.apply();
    if (!this.running || generation !== this.generation) return;
    if (!this.followers.isAsking) {
      this.stop();
      this.store.release();
      return;
    }
    this.timer = setTimeout(() => void this.run(generation), POLL_EVERY_MS).unref();
  }

  private told(failure: string | undefined): void {
    this.current = failure === undefined;
    if (failure !== undefined && !this.missed) {
      this.log.warn(`Shared rules cannot be read, and those that were read last hold on: ${failure}`);
    }
    if (failure === undefined && this.missed) this.log.warn('Shared rules are read again.');
    this.missed = failure !== undefined;
  }
}
