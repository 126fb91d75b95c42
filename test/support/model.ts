/**
 * What the semantics page says of one key, as plainly as it can be written: lists of charges and exact fractions, no
 * state that is kept short. Tests compare the stores with it.
 */
export type AlgorithmName = 'fixed-window' | 'sliding-window' | 'sliding-log' | 'token-bucket';

export interface ModelRule {
  algorithm: AlgorithmName;
  limit: number;
  windowMs: number;
  burst: number;
}

export interface Said {
  allowed: boolean;
  remaining: number;
  resetInMs: number;
  /** -1: never. */
  retryAfterMs: number;
  blocked: boolean;
}

export interface Charged {
  at: number;
  units: number;
  /** The last millisecond of the fixed window, or when the bucket would be full again. */
  ends: number;
  /** Which fixed window it was, counted from the first. */
  window: number;
}

/** The most that a sliding log keeps. */
const MOST_ENTRIES = 10_000;

export class Model {
  private blockedUntil = -Infinity;
  private windowEnds = -Infinity;
  private used = 0;
  private windows = 0;
  /** Those that were cut by a shorter rule. */
  private readonly cut = new Set<number>();
  private log: { at: number; units: number }[] = [];
  /** Of a sliding window: what was charged in its parts of `width` ms, by number. */
  private parts: { number: number; units: number }[] = [];
  private width = 1;
  /** In 1/scale of a token, true at `levelAt`. */
  private missing = 0n;
  private scale = 1;
  private levelAt = 0;
  /** The last millisecond of what is kept, but for a fixed window: by the rule of the last charge. */
  private keptUntil = -Infinity;

  ask(op: 'check' | 'peek' | 'penalize', rule: ModelRule, units: number, now: number): [Said, Charged?] {
    if (now <= this.blockedUntil) {
      const left = this.blockedUntil - now + 1;
      return [{ allowed: false, remaining: 0, resetInMs: left, retryAfterMs: left, blocked: true }];
    }
    const room = this.room(rule, now);
    if (op !== 'peek') this.cutTo(rule, now);
    const allowed = units <= room;
    const charges = op === 'penalize' || (op === 'check' && allowed);
    const charged = charges ? this.charge(rule, units, now) : undefined;
    const said = {
      allowed,
      remaining: Math.min(rule.burst, Math.max(0, this.room(rule, now))),
      resetInMs: this.reset(rule, now),
      retryAfterMs: allowed ? 0 : units > rule.burst ? -1 : this.wait(rule, units, now),
      blocked: false,
    };
    return [said, charged];
  }

  /** Undefined: not promised, because that window was cut and another has begun. */
  refund(rule: ModelRule, charged: Charged, units: number, now: number): boolean | undefined {
    if (now <= this.blockedUntil) return false;
    if (rule.algorithm !== 'fixed-window' && now > this.keptUntil) return false;
    switch (rule.algorithm) {
      case 'fixed-window':
        if (charged.window !== this.windows && this.cut.has(charged.window)) return undefined;
        if (now > this.windowEnds || this.windowEnds !== charged.ends || this.used === 0) return false;
        this.used -= Math.min(units, this.used);
        return true;
      case 'token-bucket': {
        if (now >= charged.ends || this.scale !== rule.windowMs) return false;
        const missing = this.missingAt(rule, now);
        if (missing === 0n) return false;
        const less = missing - BigInt(units) * BigInt(rule.windowMs);
        this.missing = less > 0n ? less : 0n;
        this.levelAt = now;
        this.keepWhile(rule, now);
        return true;
      }
      case 'sliding-log':
        return give(
          this.counted(rule, now).filter(({ at }) => at === charged.at),
          units,
        );
      case 'sliding-window': {
        const number = Math.floor(charged.at / subOf(rule));
        if (this.width !== subOf(rule) || now >= leaves(rule, number)) return false;
        return give(
          this.parts.filter((part) => part.number === number),
          units,
        );
      }
    }
  }

  block(ms: number, now: number): void {
    this.forget();
    this.blockedUntil = lastOf(now, ms);
  }

  forget(): void {
    this.blockedUntil = this.windowEnds = this.keptUntil = -Infinity;
    this.used = 0;
    this.missing = 0n;
    this.log = [];
    this.parts = [];
  }

  private room(rule: ModelRule, now: number): number {
    switch (rule.algorithm) {
      case 'fixed-window':
        return rule.limit - (now <= this.windowEnds ? this.used : 0);
      case 'token-bucket': {
        const window = BigInt(rule.windowMs);
        const level = BigInt(rule.burst) * window - this.missingAt(rule, now);
        const whole = level / window;
        return Number(level < 0n && whole * window !== level ? whole - 1n : whole);
      }
      case 'sliding-log':
      case 'sliding-window':
        return rule.limit - sum(this.counted(rule, now));
    }
  }

  private reset(rule: ModelRule, now: number): number {
    switch (rule.algorithm) {
      case 'fixed-window':
        return this.endsUnder(rule, now) - now + 1;
      case 'token-bucket':
        return rule.limit === 0 ? rule.windowMs : ceil(this.missingAt(rule, now), rule.limit);
      case 'sliding-log':
      case 'sliding-window': {
        const ends = this.counted(rule, now).map((one) => one.ends);
        return ends.length === 0 ? 0 : Math.max(...ends) - now;
      }
    }
  }

  private wait(rule: ModelRule, units: number, now: number): number {
    switch (rule.algorithm) {
      case 'fixed-window':
        return this.endsUnder(rule, now) - now + 1;
      case 'token-bucket': {
        const over = this.missingAt(rule, now) + BigInt(units - rule.burst) * BigInt(rule.windowMs);
        return ceil(over, rule.limit);
      }
      case 'sliding-log':
      case 'sliding-window': {
        // The first moment at which enough has left.
        const ends = [...new Set(this.counted(rule, now).map((one) => one.ends))];
        const first = ends.sort((a, b) => a - b).find((end) => units <= this.roomAt(rule, now, end));
        return first! - now;
      }
    }
  }

  private charge(rule: ModelRule, units: number, now: number): Charged {
    const charged = { at: now, units, ends: NaN, window: 0 };
    switch (rule.algorithm) {
      case 'fixed-window':
        if (now > this.windowEnds) {
          this.used = 0;
          this.windowEnds = lastOf(now, rule.windowMs);
          this.windows++;
        }
        this.used += units;
        return { ...charged, ends: this.windowEnds, window: this.windows };
      case 'token-bucket':
        this.missing = this.missingAt(rule, now) + BigInt(units) * BigInt(rule.windowMs);
        this.scale = rule.windowMs;
        this.levelAt = now;
        this.keepWhile(rule, now);
        return { ...charged, ends: now + this.reset(rule, now) };
      case 'sliding-log':
        this.log = this.counted(rule, now);
        this.log.push({ at: now, units });
        this.trim();
        this.keptUntil = now + rule.windowMs + 1;
        return charged;
      case 'sliding-window': {
        const number = Math.floor(now / subOf(rule));
        this.parts = this.counted(rule, now);
        this.parts.push({ number, units });
        this.width = subOf(rule);
        this.keptUntil = leaves(rule, number) + 1;
        return charged;
      }
    }
  }

  /** The oldest leave where a penalty takes a log beyond what it keeps. */
  private trim(): void {
    let over = sum(this.log) - MOST_ENTRIES;
    for (const entry of this.log) {
      const taken = Math.min(entry.units, Math.max(0, over));
      entry.units -= taken;
      over -= taken;
    }
  }

  /** The fixed window's last millisecond: one that ends later than a whole one of this rule would is cut. */
  private endsUnder(rule: ModelRule, now: number): number {
    const whole = lastOf(now, rule.windowMs);
    return now <= this.windowEnds ? Math.min(this.windowEnds, whole) : whole;
  }

  /** A check or a penalty, admitted or not, leaves the window cut. */
  private cutTo(rule: ModelRule, now: number): void {
    if (rule.algorithm !== 'fixed-window' || now > this.windowEnds) return;
    const ends = this.endsUnder(rule, now);
    if (ends < this.windowEnds) this.cut.add(this.windows);
    this.windowEnds = ends;
  }

  /** What counts under this rule, and from when it does no longer: the very entries, but where their parts are others. */
  private counted(rule: ModelRule, now: number): Entry[] {
    if (now > this.keptUntil) return [];
    if (rule.algorithm === 'sliding-log') {
      const entries = this.log.map((one) =>
        Object.assign(one, { number: NaN, ends: one.at + rule.windowMs }),
      );
      return entries.filter(({ units, ends }) => units > 0 && now < ends);
    }
    const sub = subOf(rule);
    const parts = this.parts.map((part) => {
      // One of another width counts where its last millisecond lies.
      const last = Math.min((part.number + 1) * this.width - 1, now);
      const number = sub === this.width ? part.number : Math.floor(last / sub);
      const one = sub === this.width ? part : { ...part };
      return Object.assign(one, { at: NaN, number, ends: leaves(rule, number) });
    });
    return parts.filter(({ units, ends }) => units > 0 && now < ends);
  }

  /** What there will be then, where nobody asks meanwhile. */
  private roomAt(rule: ModelRule, now: number, then: number): number {
    return rule.limit - sum(this.counted(rule, now).filter(({ ends }) => then < ends));
  }

  /** A bucket is kept until it is full by the rule that has just changed it. */
  private keepWhile(rule: ModelRule, now: number): void {
    this.keptUntil = Infinity;
    this.keptUntil = now + this.reset(rule, now) + 1;
  }

  private missingAt(rule: ModelRule, now: number): bigint {
    if (now > this.keptUntil) return 0n;
    const [from, to] = [BigInt(this.scale), BigInt(rule.windowMs)];
    // Under another window: whole tokens exactly, of the rest what is more.
    const rest = (this.missing % from) * to;
    const missing = (this.missing / from) * to + (rest + from - 1n) / from;
    const left = missing - BigInt(now - this.levelAt) * BigInt(rule.limit);
    return left > 0n ? left : 0n;
  }
}

interface Entry {
  at: number;
  number: number;
  units: number;
  ends: number;
}

/** Takes units out of these entries, the last ones first; whether there were any. */
function give(entries: { units: number }[], units: number): boolean {
  let left = units;
  for (const entry of [...entries].reverse()) {
    const taken = Math.min(left, entry.units);
    entry.units -= taken;
    left -= taken;
  }
  return left < units;
}

/** The last millisecond of what begins now and lasts so long; Redis cannot keep a key for less than two. */
function lastOf(now: number, ms: number): number {
  return now + Math.max(2, ms) - 1;
}

/** A tenth of the window, rounded up. */
function subOf({ windowMs }: ModelRule): number {
  return Math.ceil(windowMs / 10);
}

/** From when a part of a sliding window is no longer counted: all of it as if it had come at its end. */
function leaves(rule: ModelRule, number: number): number {
  return (number + 1) * subOf(rule) - 1 + rule.windowMs;
}

function sum(entries: readonly { units: number }[]): number {
  return entries.reduce((all, { units }) => all + units, 0);
}

function ceil(value: bigint, by: number): number {
  const divisor = BigInt(by);
  return Number((value + divisor - 1n) / divisor);
}
