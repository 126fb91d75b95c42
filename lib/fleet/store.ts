import { RateLimitError } from '../base/errors';
import { noDocuments, type Documents } from '../stores/documents';
import type { StoreTarget } from '../stores/option';
import { acquire, type StoreReference } from '../stores/registry';

/** A share in a store for what a fleet keeps there: taken when it is needed, given back when nobody needs it. */
export class FleetStore {
  /** A closure: whoever logs it must not see a password. */
  private readonly acquire: () => StoreReference;
  private reference: StoreReference | undefined;

  /** @throws RateLimitError `ERR_UNSUPPORTED` */
  constructor(
    target: StoreTarget,
    private readonly prefix: string,
  ) {
    if (target.kind === 'failover') throw noDocuments('failover');
    if (target.kind === 'custom' && target.custom.documents === undefined) {
      throw noDocuments(target.custom.name);
    }
    this.acquire = () => acquire(target, prefix);
  }

  /** @throws RateLimitError `ERR_NO_BINARY` */
  get documents(): Documents {
    this.reference ??= this.acquire();
    const { store, failure } = this.reference;
    if (store !== undefined) return store.documents(this.prefix);
    throw failure ?? new RateLimitError('ERR_UNAVAILABLE', 'The store cannot be opened.');
  }

  release(): void {
    this.reference?.release();
    this.reference = undefined;
  }
}
