import type { CompiledRequestRule } from './request-rule';

/**
 * Who stands in the places of groups, while the rules of a request are gone through from the most specific on.
 *
 * A rule takes its group's place where the path has the exact letters of its pattern, however it is read. Where it has
 * not, the rule holds too, because some routers would find its route; but others find that of a less specific rule. So
 * there it keeps out none but rules that are no stricter than itself. A rule that is only tried out takes no place
 * from those that hold.
 */
export class Groups {
  private readonly standing = new Map<string, { of: CompiledRequestRule; isExact: boolean }[]>();

  /** Whether a rule applies; from then on it stands in its group. */
  admits(group: string, of: CompiledRequestRule, isExact: boolean): boolean {
    const before = this.standing.get(group) ?? [];
    const rivals = before.filter((other) => !isShadow(other.of) || isShadow(of));
    if (rivals.some((other) => other.isExact)) return false;
    this.standing.set(group, [...before, { of, isExact }]);
    return rivals.every((other) => isLooser(other.of, of));
  }
}

function isShadow({ rule }: CompiledRequestRule): boolean {
  return rule?.shadow === true;
}

/**
 * Whether a rule may let pass what another one would not: one that is unlimited, that admits more at once or in a
 * shorter time, or that cannot be compared, because it counts others or in another way.
 */
function isLooser(rule: CompiledRequestRule, than: CompiledRequestRule): boolean {
  if (than.rule === undefined) return false;
  if (rule.rule === undefined) return true;
  const [a, b] = [rule.rule.quota, than.rule.quota];
  const countsAlike =
    a.algorithm === b.algorithm &&
    rule.missing === than.missing &&
    rule.by.length === than.by.length &&
    rule.by.every((one, i) => one === than.by[i]);
  return !countsAlike || a.limit > b.limit || a.burst > b.burst || a.windowMs < b.windowMs;
}
