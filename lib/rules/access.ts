import { canonicalAddress, isWithin, parseRange, type Range } from '../address';
import { invalidOption, shown } from '../errors';
import { validateKey } from '../key';
import { refuseUnknown, requireObject } from '../validate';
import { listedName } from './identity';
import { compileOverride, type AccessContext, type CompiledOverride, type Override } from './override';
import type { CompiledPlan } from './plan';
import type { CompiledRule } from './rule';

/**
 * Subjects that are treated apart, by the text under which they are counted: `org-123`, `user:5`, `ip:1.2.3.4`, or
 * `apiKey:` and its hash (`subjectOf` writes them). Organizations may be `organization:org-123`, too. `ip:` may also be a
 * network such as `ip:10.0.0.0/8`.
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

type Verdict = 'allow' | 'deny';

/**
 * The allow list, the deny list and the overrides of a limiter. They may be changed at any time, one by one or all at
 * once from a file or a table, and hold from the next check on in this process.
 */
export class AccessList {
  private verdicts = new Map<string, Verdict>();
  private ranges = new Map<string, { readonly range: Range; readonly verdict: Verdict }>();
  private overrides = new Map<string, CompiledOverride>();

  /** @throws RateLimitError `ERR_INVALID_OPTION` */
  constructor(
    private readonly context: AccessContext,
    entries: AccessEntries = {},
  ) {
    this.replace(entries);
  }

  /** Never limits a subject, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  allow(subject: string): void {
    this.setVerdict(subject, 'allow', 'allow');
  }

  /** Always denies a subject, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  deny(subject: string): void {
    this.setVerdict(subject, 'deny', 'deny');
  }

  /** Gives a subject limits of its own, until `remove`. @throws RateLimitError `ERR_INVALID_OPTION` */
  override(subject: string, override: Override): void {
    this.setOverride(subject, override, 'override');
  }

  /** Treats a subject as all others again. True where it had been listed. */
  remove(subject: string): boolean {
    const { name } = this.read(subject, 'remove');
    const found = [this.verdicts.delete(name), this.ranges.delete(name), this.overrides.delete(name)];
    return found.includes(true);
  }

  /**
   * Puts these entries in place of all there are; where one is invalid, all stay as they were.
   * @throws RateLimitError `ERR_INVALID_OPTION`
   */
  replace(entries: AccessEntries): void {
    requireObject(entries, 'The access list');
    refuseUnknown(entries, ['allow', 'deny', 'overrides'], '');
    const { allow = [], deny = [], overrides = {} } = entries;
    const { verdicts, ranges, overrides: before } = this;
    this.verdicts = new Map();
    this.ranges = new Map();
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
      Object.assign(this, { verdicts, ranges, overrides: before });
      throw error;
    }
  }

  /** All entries, as `replace` takes them. */
  entries(): Required<AccessEntries> {
    const all = [
      ...this.verdicts,
      ...[...this.ranges].map(([name, { verdict }]) => [name, verdict] as const),
    ];
    return {
      allow: all.filter(([, verdict]) => verdict === 'allow').map(([name]) => name),
      deny: all.filter(([, verdict]) => verdict === 'deny').map(([name]) => name),
      overrides: Object.fromEntries([...this.overrides].map(([name, { given }]) => [name, given])),
    };
  }

  /** Whether nobody is allowed or denied by name, so that no subject needs to be looked up. */
  get isOpen(): boolean {
    return this.verdicts.size === 0 && this.ranges.size === 0;
  }

  /** Whether nobody at all is treated apart. */
  get isEmpty(): boolean {
    return this.isOpen && this.overrides.size === 0;
  }

  /** What holds for a request that all of these are, and for whom. One that is denied decides. */
  verdictOf(subjects: readonly string[]): { verdict: Verdict; subject: string } | undefined {
    let allowed: string | undefined;
    for (const subject of subjects) {
      const verdict = this.verdicts.get(listedName(subject));
      const ranged = subject.startsWith('ip:') ? this.rangeVerdict(subject) : undefined;
      if (verdict === 'deny' || ranged === 'deny') return { verdict: 'deny', subject };
      if (verdict === 'allow' || ranged === 'allow') allowed ??= subject;
    }
    return allowed === undefined ? undefined : { verdict: 'allow', subject: allowed };
  }

  /** The rules of a subject with a plan. */
  planOf(subject: string, plan: CompiledPlan): CompiledPlan {
    return this.overrides.get(listedName(subject))?.plan ?? plan;
  }

  /** The rule as it holds for a subject; undefined where it is unlimited. */
  ruleOf(subject: string, rule: CompiledRule): CompiledRule | undefined {
    const rules = this.overrides.get(listedName(subject))?.rules;
    return rules?.has(rule.id) ? rules.get(rule.id) : rule;
  }

  private rangeVerdict(subject: string): Verdict | undefined {
    if (this.ranges.size === 0) return undefined;
    const given = parseRange(subject.slice('ip:'.length));
    let found: Verdict | undefined;
    for (const { range, verdict } of this.ranges.values()) {
      if (given === null || given[1] < range[1] || !isWithin(given[0], range)) continue;
      if (verdict === 'deny') return 'deny';
      found = verdict;
    }
    return found;
  }

  private setVerdict(subject: string, verdict: Verdict, where: string): void {
    const { name, range } = this.read(subject, where);
    if (range === undefined) this.verdicts.set(name, verdict);
    else this.ranges.set(name, { range, verdict });
  }

  private setOverride(subject: string, given: Override, where: string): void {
    const { name, range } = this.read(subject, where);
    if (range !== undefined) {
      throw invalidOption(`${where}: a network has no limits of its own; name an address, or use a rule.`);
    }
    this.overrides.set(name, compileOverride(given, this.context, where));
  }

  /** A key as `check` takes it and, where it is an address, the name under which requests from there are counted. */
  namesOf(key: string): string[] {
    if (!key.startsWith('ip:')) return [key];
    const address = canonicalAddress(key.slice('ip:'.length), this.context.ipv6Subnet);
    return address === null || key === `ip:${address}` ? [key] : [key, `ip:${address}`];
  }

  /** A subject in the form in which it is counted. */
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
    if (!name.startsWith('ip:')) return { name: listedName(name) };
    const text = name.slice('ip:'.length);
    const range = parseRange(text);
    if (range === null) {
      throw invalidOption(`${where}: ${shown(text)} is no address and no network such as 10.0.0.0/8.`);
    }
    const isV4 = range[0].kind() === 'ipv4';
    if (isV4 ? range[1] < 32 : range[1] < this.context.ipv6Subnet) return { name, range };
    return { name: `ip:${canonicalAddress(text, this.context.ipv6Subnet)}` };
  }
}
