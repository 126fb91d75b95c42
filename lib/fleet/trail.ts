import { RateLimitError } from '../base/errors';
import type { Change } from '../rules/change';
import type { Versioned } from '../stores/documents';
import type { StoreTarget } from '../stores/option';
import type { Log } from '../telemetry/logger';
import { FleetStore } from './store';
import { versionAfter } from './version';

const CHANGES = 'changes';
/** Of which the newest are remembered. */
const MOST = 100;
/** Of one change; one with more is remembered without its value. */
const MOST_VALUE_LENGTH = 1_000;
const MOST_TRIES = 20;

/**
 * The last changes that somebody put a name to, in the store where it can keep them, so that all processes show the same; else
 * those of this process. Writing them never delays or breaks a change.
 */
export class Trail {
  private readonly store: FleetStore | undefined;
  /** Newest first; where the store cannot keep them. */
  private own: readonly Change[] = [];
  /** Not yet in the store, oldest first. */
  private waiting: Change[] = [];
  /** The last call; there is none before the first. */
  private last: Promise<unknown> | undefined;

  constructor(
    target: StoreTarget,
    prefix: string,
    private readonly log: Log,
  ) {
    try {
      this.store = new FleetStore(target, prefix);
    } catch (error) {
      if (!(error instanceof RateLimitError) || error.code !== 'ERR_UNSUPPORTED') throw error;
    }
  }

  add(change: Change): void {
    if (change.by === undefined) return;
    const kept = JSON.stringify(change.value ?? null).length > MOST_VALUE_LENGTH ? without(change) : change;
    if (this.store === undefined) {
      this.own = [kept, ...this.own].slice(0, MOST);
      return;
    }
    this.waiting = [...this.waiting, kept].slice(-MOST);
    // What cannot be written now is written with the next one, or before somebody reads.
    this.inTurn(this.store, () => Promise.resolve()).catch((error: unknown) =>
      this.log.once(
        'trail',
        `Who changed what cannot be written to the store for the moment: ${error instanceof Error ? error.message : String(error)}`,
      ),
    );
  }

  /** Newest first. @throws RateLimitError `ERR_UNAVAILABLE` */
  async read(): Promise<readonly Change[]> {
    const { store } = this;
    if (store === undefined) return this.own;
    return this.inTurn(store, async () => changesIn(await store.documents.read(CHANGES)));
  }

  /** What was added is written, or could not be. */
  async settled(): Promise<void> {
    await this.last;
  }

  /** One call at a time, each with what waits written before it. */
  private inTurn<T>(store: FleetStore, act: () => Promise<T>): Promise<T> {
    const done = (this.last ?? Promise.resolve()).then(async () => {
      try {
        await this.write(store);
        return await act();
      } finally {
        store.release();
      }
    });
    this.last = done.catch(() => {});
    return done;
  }

  private async write(store: FleetStore): Promise<void> {
    for (let tries = 0; this.waiting.length > 0; tries++) {
      const { documents } = store;
      const written = [...this.waiting];
      const found = await documents.read(CHANGES);
      const text = JSON.stringify(merged(changesIn(found), written));
      const to = { version: versionAfter(found.version), text };
      if (await documents.compareAndSet(CHANGES, found.version, to)) {
        this.waiting = this.waiting.filter((one) => !written.includes(one));
      } else if (tries >= MOST_TRIES) {
        throw new RateLimitError('ERR_UNAVAILABLE', 'others wrote it again and again.');
      }
    }
  }
}

function without({ value: _, ...rest }: Change): Change {
  return rest;
}

/** Newest first. An attempt that was not answered may have written them. */
function merged(before: readonly Change[], written: readonly Change[]): Change[] {
  const texts = new Set([...[...written].reverse(), ...before].map((change) => JSON.stringify(change)));
  const all = [...texts].map((text) => JSON.parse(text) as Change);
  return all.sort((a, b) => b.at - a.at).slice(0, MOST);
}

/** What cannot be read is begun anew: nothing depends on it. */
function changesIn({ text }: Versioned): readonly Change[] {
  try {
    const given: unknown = JSON.parse(text);
    if (Array.isArray(given)) return given.filter(isChange);
  } catch {
    // Empty, or somebody else's.
  }
  return [];
}

function isChange(given: unknown): given is Change {
  const { kind, at } = (given ?? {}) as Partial<Change>;
  return typeof kind === 'string' && typeof at === 'number';
}
