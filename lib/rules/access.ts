import { groupText, isOneClient, parseRange, type Range } from '../http/address';
import { invalidOption, shown } from '../base/errors';
import { readWho, type Change, type Who } from './change';
import { validateKey } from './key';
import { refuseSurplus } from '../base/surplus';
import { refuseUnknown, requireObject } from '../base/validate';
import { AddressList, type Verdict } from './address-list';
import { kindOf, listedName, organizationName } from './identity';
import { compileOverride, type AccessContext, type CompiledOverride, type Override } from './override';
import type { CompiledPlan } from './plan';
import type { CompiledRule } from './rule';

/**
 * Subjects that are treated apart: `org-123`, `user:5`, `custom:acme`, `apiKey:` and its hash, as `subjectOf` writes
 * them; organizations may be `organization:org-123`, too. `ip:2001:db8::7` is that address alone, `ip:10.0.0.0/8` a
 * network. A key of `check` is an organization's, whatever it looks like.
 */
export interface AccessEntries {
  /** Never limited. */
  allow?: readonly string[];
  /** Always denied; wins over `allow`. */
  deny?: readonly string[];
  /** Own limits. */
  overrides?: { readonly [subject: string]: Override };
}

/** An API key as `subjectOf` writes it. */
const HASHED = /^apiKey:[\w-]{43}$/;

/** Kinds that nobody is: who is named by one would be allowed or denied nothing. */
const NOBODY = ['endpoint', 'global', 'missing'];

/**
 * The allow list, the deny list and the overrides of a limiter. They may be changed at any time, one by one or all at
 * once from a file or a table, and hold from the next check on in this process.
 */
export class AccessList {
  private verdicts = new Map<string, Verdict>();
  private addresses = new AddressList();
  private overrides = new Map<string, CompiledOverride>();
  /** Those of the whole fleet, which go before one's own. */
  private shared: ReadonlyMap<string, CompiledOverride> = new Map();

  /** For the limiter: told of each change. @internal */
  onChange: ((change: Change) => void) | undefined;

  /** @throws RateLimitError `ERR_INVALID_OPTION` */
  constructor(
    private context: AccessContext,
    entries: AccessEntries = {},
  ) {
    this.put(entries);
  }

  /** Never limits a subject, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  allow(subject: string, who: Who = {}): void {
    if (arguments.length > 2) refuseSurplus('allow', 2, arguments);
    const by = readWho(who);
    this.setVerdict(subject, 'allow', 'allow');
    this.changed({ kind: 'access', subject, value: 'allow', ...by });
  }

  /** Always denies a subject, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  deny(subject: string, who: Who = {}): void {
    if (arguments.length > 2) refuseSurplus('deny', 2, arguments);
    const by = readWho(who);
    this.setVerdict(subject, 'deny', 'deny');
    this.changed({ kind: 'access', subject, value: 'deny', ...by });
  }

  /** Gives a subject limits of its own, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  override(subject: string, override: Override, who: Who = {}): void {
    if (arguments.length > 3) refuseSurplus('override', 3, arguments);
    const by = readWho(who);
    this.setOverride(subject, override, 'override');
    this.changed({ kind: 'override', subject, value: override, ...by });
  }

  /** Treats a subject as all others again. True where it had been listed. */
  remove(subject: string, who: Who = {}): boolean {
    const by = readWho(who);
    const { name, range } = this.read(subject, 'remove');
    const listed = range === undefined ? this.verdicts.delete(name) : this.addresses.delete(range);
    const had = this.overrides.delete(name) || listed;
    if (had) this.changed({ kind: 'access', subject: name, value: null, ...by });
    return had;
  }

  /**
   * Puts these entries in place of all there are; where one is invalid, all stay as they were.
   * @throws RateLimitError `ERR_INVALID_OPTION`
   */
  replace(entries: AccessEntries, who: Who = {}): void {
    const by = readWho(who);
    this.put(entries);
    this.changed({ kind: 'access', ...by });
  }

  private changed(change: Omit<Change, 'at' | 'shared'>): void {
    this.onChange?.({ ...change, shared: false, at: Date.now() });
  }

  private put(entries: AccessEntries): void {
    requireObject(entries, 'The access list');
    refuseUnknown(entries, ['allow', 'deny', 'overrides'], '');
    const { allow = [], deny = [], overrides = {} } = entries;
    const { verdicts, addresses, overrides: before } = this;
    this.verdicts = new Map();
    this.addresses = new AddressList();
    this.overrides = new Map();
    try {
      for (const [list, subjects] of Object.entries({ allow, deny })) {
        if (!Array.isArray(subjects)) throw invalidOption(`${list} must be a list, not ${shown(subjects)}.`);
        // Deny comes last, and so wins.
        subjects.forEach((subject, i) =>
          this.setVerdict(subject as string, list as Verdict, `${list}[${i}]`),
        );
      }
      requireObject(overrides, 'overrides');
      for (const [subject, override] of Object.entries(overrides)) {
        // What should be a hash may be the key itself, which no message shows.
        const shownName = subject.startsWith('apiKey:') ? 'apiKey:…' : shown(subject);
        this.setOverride(subject, override, `overrides[${shownName}]`);
      }
    } catch (error) {
      Object.assign(this, { verdicts, addresses, overrides: before });
      throw error;
    }
  }

  /**
   * For the limiter: overrides hold for these rules from now on.
   * @throws RateLimitError `ERR_INVALID_OPTION` where one names a rule that is not among them; then all stay as they were
   * @internal
   */
  useRules(rules: AccessContext['rules']): void {
    const { context } = this;
    this.context = { ...context, rules };
    try {
      const shared = this.readShared(
        Object.fromEntries([...this.shared].map(([name, { given }]) => [name, given])),
      );
      this.put(this.entries());
      this.shared = shared;
    } catch (error) {
      this.context = context;
      throw error;
    }
  }

  /**
   * For the limiter: reads overrides of the whole fleet, and changes nothing.
   * @throws RateLimitError `ERR_INVALID_OPTION`
   * @internal
   */
  readShared(overrides: { readonly [subject: string]: Override }): ReadonlyMap<string, CompiledOverride> {
    return new Map(
      // No message names the subject: it may be read by whoever reads the log.
      Object.entries(overrides).map(([subject, override]) =>
        this.compiled(subject, override, 'overrides[…]'),
      ),
    );
  }

  /** For the limiter: puts those in place. @internal */
  useShared(shared: ReadonlyMap<string, CompiledOverride>): void {
    this.shared = shared;
  }

  /** All entries, as `replace` takes them. */
  entries(): Required<AccessEntries> {
    const addresses = [...this.addresses.entries()];
    const all = [
      ...this.verdicts,
      ...addresses.map(([network, verdict]) => [`ip:${network}`, verdict] as const),
    ];
    return {
      allow: all.filter(([, verdict]) => verdict === 'allow').map(([name]) => name),
      deny: all.filter(([, verdict]) => verdict === 'deny').map(([name]) => name),
      overrides: Object.fromEntries([...this.overrides].map(([name, { given }]) => [name, given])),
    };
  }

  /** Whether nobody is allowed or denied by name, so that no subject needs to be looked up. */
  get isOpen(): boolean {
    return this.verdicts.size === 0 && this.addresses.isEmpty;
  }

  /** Whether nobody at all is treated apart. */
  get isEmpty(): boolean {
    return this.isOpen && this.overrides.size === 0 && this.shared.size === 0;
  }

  /**
   * What holds for a request that all of these are, and for whom. One that is denied decides.
   * @param names users, organizations and so on, as `subjectOf` writes them
   * @param address its client, or the network in which it is
   * @param key as `check` takes it
   */
  verdictOf(
    names: readonly string[],
    address: Range | null,
    key?: string,
  ): { verdict: Verdict; subject: string } | undefined {
    const all = names.map((name) => ({ subject: name, verdict: this.verdicts.get(name) }));
    if (key !== undefined) all.push({ subject: key, verdict: this.verdictOfKey(key) });
    if (address !== null) {
      const subject = `ip:${groupText(address, this.context.ipv6Subnet)}`;
      all.push({ subject, verdict: this.addresses.verdictOf(address) });
    }
    const decisive = all.find(({ verdict }) => verdict === 'deny') ?? all.find(({ verdict }) => verdict);
    return decisive as { verdict: Verdict; subject: string } | undefined;
  }

  /** The same for a key. It is an organization's; only a denial holds for other kinds as well, by the letter. */
  verdictOfKey(key: string): Verdict | undefined {
    if (this.verdicts.get(listedName(key)) === 'deny') return 'deny';
    return this.verdicts.get(organizationName(key));
  }

  /** The rules of a subject with a plan. */
  planOf(subject: string, plan: CompiledPlan): CompiledPlan {
    let holds = plan;
    // What the fleet says goes before, and multiplies what this process says.
    for (const override of [this.overrides.get(subject), this.shared.get(subject)]) {
      if (override?.plan !== undefined) holds = override.plan;
      else if (override?.scaled !== undefined) holds = holds.map(override.scaled);
    }
    return holds;
  }

  /** The same for a key. */
  planOfKey(key: string, plan: CompiledPlan): CompiledPlan {
    return this.planOf(organizationName(key), plan);
  }

  /** The rule as it holds for a subject; undefined where it is unlimited. */
  ruleOf(subject: string, rule: CompiledRule): CompiledRule | undefined {
    let holds: CompiledRule | undefined = rule;
    for (const override of [this.overrides.get(subject), this.shared.get(subject)]) {
      if (override?.rules.has(rule.id) === true) holds = override.rules.get(rule.id);
      else if (override?.scaled !== undefined && holds !== undefined) holds = override.scaled(holds);
    }
    return holds;
  }

  private setVerdict(subject: string, verdict: Verdict, where: string): void {
    const { name, range } = this.read(subject, where);
    if (range !== undefined) return this.addresses.set(range, verdict);
    const kind = kindOf(name);
    if (kind !== undefined && NOBODY.includes(kind)) {
      throw invalidOption(
        `${where}: ${kind}: names nobody who could be listed. Use a rule or bypass; an organization of that name is written organization:${kind}:….`,
      );
    }
    this.verdicts.set(name, verdict);
  }

  private setOverride(subject: string, given: Override, where: string): void {
    this.overrides.set(...this.compiled(subject, given, where));
  }

  private compiled(subject: string, given: Override, where: string): [string, CompiledOverride] {
    const { name, range } = this.read(subject, where);
    if (range !== undefined && !isOneClient(range, this.context.ipv6Subnet)) {
      throw invalidOption(`${where}: a network has no limits of its own; name an address, or use a rule.`);
    }
    return [name, compileOverride(given, this.context, where)];
  }

  /** A subject by the name under which it is counted; an address or a network also as the range that it is. */
  private read(subject: unknown, where: string): { name: string; range?: Range } {
    try {
      validateKey(subject);
    } catch (error) {
      throw invalidOption(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const name = subject as string;
    if (name.startsWith('apiKey:') && !HASHED.test(name)) {
      throw invalidOption(`${where}: an API key is named by its hash; write subjectOf('apiKey', key).`);
    }
    if (!/^\s*ip:/.test(name)) {
      refuseBlanks(name, where);
      return { name: listedName(name) };
    }
    // Nothing else can be meant, as in trustedProxies.
    const text = name.trim().slice('ip:'.length).trim();
    const range = parseRange(text);
    if (range === null) {
      throw invalidOption(`${where}: ${shown(text)} is no address and no network such as 10.0.0.0/8.`);
    }
    return { name: `ip:${groupText(range, this.context.ipv6Subnet)}`, range };
  }
}

/** Such as a list that was split at its commas: an entry that nobody has would allow or deny nobody, unseen. */
function refuseBlanks(name: string, where: string): void {
  if (name === name.trim() || name.startsWith('organization:')) return;
  throw invalidOption(
    `${where}: a name has no blank at its ends; leave it out. An organization whose id has one is written organization: and the id.`,
  );
}
