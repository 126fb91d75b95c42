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
}

/** The most that a sliding log keeps. */
const MOST_ENTRIES = 10_000;

export class Model {
  private blockedUntil = -Infinity;
  private windowEnds = -Infinity;
  private used = 0;
  private log: { at: number; units: number }[] = [];
  /** In 1/windowMs of a token, true at `levelAt`. */
  private missing = 0n;
  private levelAt = 0;

  ask(op: 'check' | 'peek' | 'penalize', rule: ModelRule, units: number, now: number): [Said, Charged?] {
    if (now <= this.blockedUntil) {
      const left = this.blockedUntil - now + 1;
      return [{ allowed: false, remaining: 0, resetInMs: left, retryAfterMs: left, blocked: true }];
    }
    const room = this.room(rule, now);
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

  refund(rule: ModelRule, charged: Charged, units: number, now: number): boolean {
    if (now <= this.blockedUntil) return false;
    switch (rule.algorithm) {
      case 'fixed-window':
        if (now > this.windowEnds || this.windowEnds !== charged.ends || this.used === 0) return false;
        this.used -= Math.min(units, this.used);
        return true;
      case 'token-bucket': {
        if (now >= charged.ends) return false;
        const missing = this.missingAt(rule, now);
        if (missing === 0n) return false;
        const less = missing - BigInt(units) * BigInt(rule.windowMs);
        this.missing = less > 0n ? less : 0n;
        this.levelAt = now;
        return true;
      }
      case 'sliding-log':
      case 'sliding-window': {
        const place = (at: number) => (rule.algorithm === 'sliding-log' ? at : Math.floor(at / subOf(rule)));
        const same = this.counted(rule, now).filter(({ at }) => place(at) === place(charged.at));
        let left = units;
        for (const entry of same.reverse()) {
          const taken = Math.min(left, entry.units);
          entry.units -= taken;
          left -= taken;
        }
        return left < units;
      }
    }
  }

  block(ms: number, now: number): void {
    this.forget();
    this.blockedUntil = lastOf(now, ms);
  }

  forget(): void {
    this.blockedUntil = this.windowEnds = -Infinity;
    this.used = 0;
    this.missing = 0n;
    this.log = [];
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
        return (now <= this.windowEnds ? this.windowEnds : lastOf(now, rule.windowMs)) - now + 1;
      case 'token-bucket':
        return rule.limit === 0 ? rule.windowMs : ceil(this.missingAt(rule, now), rule.limit);
      case 'sliding-log':
      case 'sliding-window': {
        const ends = this.counted(rule, now).map(({ at }) => leaves(rule, at));
        return ends.length === 0 ? 0 : Math.max(...ends) - now;
      }
    }
  }

  private wait(rule: ModelRule, units: number, now: number): number {
    switch (rule.algorithm) {
      case 'fixed-window':
        return this.windowEnds - now + 1;
      case 'token-bucket': {
        const over = this.missingAt(rule, now) + BigInt(units - rule.burst) * BigInt(rule.windowMs);
        return ceil(over, rule.limit);
      }
      case 'sliding-log':
      case 'sliding-window': {
        // The first moment at which enough has left.
        const ends = [...new Set(this.counted(rule, now).map(({ at }) => leaves(rule, at)))];
        const first = ends.sort((a, b) => a - b).find((end) => units <= this.room(rule, end));
        return first! - now;
      }
    }
  }

  private charge(rule: ModelRule, units: number, now: number): Charged {
    switch (rule.algorithm) {
      case 'fixed-window':
        if (now > this.windowEnds) {
          this.used = 0;
          this.windowEnds = lastOf(now, rule.windowMs);
        }
        this.used += units;
        return { at: now, units, ends: this.windowEnds };
      case 'token-bucket':
        this.missing = this.missingAt(rule, now) + BigInt(units) * BigInt(rule.windowMs);
        this.levelAt = now;
        return { at: now, units, ends: now + this.reset(rule, now) };
      case 'sliding-log':
      case 'sliding-window':
        this.log = this.counted(rule, now);
        this.log.push({ at: now, units });
        if (rule.algorithm === 'sliding-log') this.trim();
        return { at: now, units, ends: NaN };
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

  private counted(rule: ModelRule, now: number): { at: number; units: number }[] {
    return this.log.filter(({ at, units }) => units > 0 && now < leaves(rule, at));
  }

  private missingAt(rule: ModelRule, now: number): bigint {
    const left = this.missing - BigInt(now - this.levelAt) * BigInt(rule.limit);
    return left > 0n ? left : 0n;
  }
}

/** The last millisecond of what begins now and lasts so long; Redis cannot keep a key for less than two. */
function lastOf(now: number, ms: number): number {
  return now + Math.max(2, ms) - 1;
}

/** A tenth of the window, rounded up. */
function subOf({ windowMs }: ModelRule): number {
  return Math.ceil(windowMs / 10);
}

/** From when a unit is no longer counted; in a sliding window as if it had come at the end of its sub-window. */
function leaves(rule: ModelRule, at: number): number {
  if (rule.algorithm === 'sliding-log') return at + rule.windowMs;
  const sub = subOf(rule);
  return (Math.floor(at / sub) + 1) * sub - 1 + rule.windowMs;
}

function sum(entries: readonly { units: number }[]): number {
  return entries.reduce((all, { units }) => all + units, 0);
}

function ceil(value: bigint, by: number): number {
  const divisor = BigInt(by);
  return Number((value + divisor - 1n) / divisor);
}
