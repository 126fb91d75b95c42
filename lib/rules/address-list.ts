import { embeddedIPv4, rangeText, sizeOf, type Range } from '../http/address';

export type Verdict = 'allow' | 'deny';

/** The addresses and networks of an access list. A request is looked up once for each length of network there is. */
export class AddressList {
  /** By the one text of the network. */
  private readonly verdicts = new Map<string, { readonly range: Range; readonly verdict: Verdict }>();
  /** What look-ups need besides, made at the first one after a change. */
  private lengths: { readonly [kind: string]: readonly number[] } | undefined;
  private readonly aroundDenied = new Map<number, ReadonlySet<string>>();

  get isEmpty(): boolean {
    return this.verdicts.size === 0;
  }

  set(range: Range, verdict: Verdict): void {
    this.verdicts.set(rangeText(range), { range, verdict });
    this.forget();
  }

  /** True where there was such an entry. */
  delete(range: Range): boolean {
    this.forget();
    return this.verdicts.delete(rangeText(range));
  }

  *entries(): Generator<[network: string, Verdict]> {
    for (const [network, { verdict }] of this.verdicts) yield [network, verdict];
  }

  /**
   * What holds for a client. Where a network is all that is known of him, he is allowed if all of it is, and denied if
   * any of it is. A denial of IPv4 addresses also denies the forms that they take in IPv6. An allowance holds in the
   * form that it is written in alone: whoever sends from such a form may have chosen the address inside.
   */
  verdictOf(client: Range): Verdict | undefined {
    const embedded = embeddedIPv4(client);
    if (embedded !== null && this.written(embedded) === 'deny') return 'deny';
    return this.written(client);
  }

  private written(client: Range): Verdict | undefined {
    const [address, bits] = client;
    this.lengths ??= this.lengthsOf();
    let found: Verdict | undefined;
    for (const length of this.lengths[address.kind()] ?? []) {
      if (length > bits) continue;
      const verdict = this.verdicts.get(rangeText([address, length]))?.verdict;
      if (verdict === 'deny') return verdict;
      found ??= verdict;
    }
    return bits < sizeOf(address) && this.around(bits).has(rangeText(client)) ? 'deny' : found;
  }

  private lengthsOf(): { [kind: string]: number[] } {
    const lengths: { [kind: string]: number[] } = {};
    for (const {
      range: [address, bits],
    } of this.verdicts.values()) {
      const ofKind = (lengths[address.kind()] ??= []);
      if (!ofKind.includes(bits)) ofKind.push(bits);
    }
    return lengths;
  }

  /** The networks of so many bits in which something is denied. */
  private around(bits: number): ReadonlySet<string> {
    const known = this.aroundDenied.get(bits);
    if (known !== undefined) return known;
    const networks = new Set<string>();
    for (const { range, verdict } of this.verdicts.values()) {
      if (verdict === 'deny' && range[1] > bits) networks.add(rangeText([range[0], bits]));
    }
    this.aroundDenied.set(bits, networks);
    return networks;
  }

  private forget(): void {
    this.lengths = undefined;
    this.aroundDenied.clear();
  }
}
