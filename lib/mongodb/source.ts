import type { CasScanOp, CasScanPage, CasSource } from '../stores/cas/types';
import { isDuplicate, readFailed, unavailable, writeFailed } from './errors';
import { migrate } from './migrate';
import type { MongoCollection, MongoStoreOptions } from './types';

/** As long as the server works on a call that nobody may wait for any more. */
const PATIENCE_MS = 5_000;
const MINUTE_MS = 60_000;

/** The collection's own settings may let an old copy answer. */
const READ = {
  readPreference: 'primary',
  // What others wrote last, confirmed or not: a write against anything older would be lost.
  readConcern: { level: 'local' },
  maxTimeMS: PATIENCE_MS,
} as const;

/** A document for each key: `_id`, `state`, and `expiresAt` for the index that removes it. */
export class MongoSource implements CasSource {
  private readonly write: object;

  constructor(
    readonly name: string,
    private readonly collection: MongoCollection,
    w: NonNullable<MongoStoreOptions['writeConcern']>,
  ) {
    this.write = { writeConcern: { w, wtimeoutMS: PATIENCE_MS }, maxTimeMS: PATIENCE_MS };
  }

  migrate(): Promise<void> {
    return migrate(this.collection);
  }

  /** Also what has ended and is still there: the write that follows has to replace just that. */
  async read(key: string): Promise<string | undefined> {
    const projection = { _id: 0, state: 1 };
    const found = await this.collection.findOne({ _id: key }, { ...READ, projection }).catch(readFailed);
    if (found === null) return undefined;
    const { state } = found as { state?: unknown };
    if (typeof state === 'string') return state;
    throw unavailable(
      'A document of the collection holds no state: something else writes there. Delete it, and count in a collection of its own',
    );
  }

  compareAndSet(
    key: string,
    was: string | undefined,
    is: string | undefined,
    expiresInMs: number,
  ): Promise<boolean> {
    if (is === undefined) return this.remove({ _id: key, state: was });
    const kept = { state: is, expiresAt: leavesAt(Date.now() + expiresInMs) };
    return was === undefined
      ? this.insert({ _id: key, ...kept })
      : this.replace({ _id: key, state: was }, kept);
  }

  /** In the order of their bytes. */
  async scan({ startsWith, cursor, pageSize }: CasScanOp): Promise<CasScanPage> {
    const from = cursor === '' ? { $gte: startsWith } : { $gt: cursor };
    const page = { projection: { _id: 1 }, sort: { _id: 1 }, limit: pageSize };
    const found = await this.collection
      .find({ _id: from }, { ...READ, ...page })
      .toArray()
      .catch(readFailed);
    const keys = found.map((one) => (one as { _id: string })._id);
    const last = keys.at(-1);
    const isLast = keys.length < pageSize || last?.startsWith(startsWith) !== true;
    return { cursor: isLast ? '' : last, keys };
  }

  private async insert(document: object): Promise<boolean> {
    try {
      confirmed(await this.collection.insertOne(document, this.write));
      return true;
    } catch (error) {
      return isDuplicate(error) ? false : writeFailed(error);
    }
  }

  private async replace(was: object, kept: object): Promise<boolean> {
    const answer = await this.collection.updateOne(was, { $set: kept }, this.write).catch(writeFailed);
    return confirmed(answer).matchedCount === 1;
  }

  private async remove(was: object): Promise<boolean> {
    return confirmed(await this.collection.deleteOne(was, this.write).catch(writeFailed)).deletedCount === 1;
  }
}

/**
 * By the server's clock, which may be ahead of ours, so with a minute to spare; on the minute, so that a charge seldom moves the
 * document in the index.
 */
function leavesAt(endMs: number): Date {
  return new Date(Math.ceil((endMs + MINUTE_MS) / MINUTE_MS) * MINUTE_MS);
}

/** What is not confirmed has no counts, and would look like a lost race. */
function confirmed<T extends { acknowledged: boolean }>(answer: T): T {
  if (answer.acknowledged) return answer;
  throw unavailable(
    'The collection does not wait for answers to writes; what was sent may have been charged',
  );
}
