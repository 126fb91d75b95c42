import { shown } from '../base/errors';
import { windowText } from '../rules/quota';
import type { Store } from '../stores/store';
import type { Log } from '../telemetry/logger';
import { VERSION } from '../base/version';

/** The lengths of the windows that a limiter counts in, in ms, by what stands behind the subject in its keys. */
export type Windows = ReadonlyMap<string, ReadonlySet<number>>;

interface Seen {
  readonly limiter: object;
  readonly windowsMs: ReadonlySet<number>;
}

/**
 * Who counts what in this process: by store, then by prefix and the part behind the subject. On globalThis, as the
 * stores are: a bundler evaluates modules several times.
 */
function registry(): WeakMap<Store, Map<string, Seen>> {
  const name = Symbol.for(`spillway.windows@${VERSION}`);
  const holder = globalThis as { [name]?: WeakMap<Store, Map<string, Seen>> };
  return (holder[name] ??= new WeakMap());
}

/**
 * Notes what a limiter counts and says once where another one counts the same keys in other windows, because the
 * shorter one then ends the longer one's count. Several windows within one limiter are its plans, which share a key on
 * purpose, and so do limiters that are alike, such as the copies that bundlers make.
 * @param limiter its own mark
 */
export function noteWindows(log: Log, store: Store, prefix: string, limiter: object, windows: Windows): void {
  let ofStore = registry().get(store);
  if (ofStore === undefined) registry().set(store, (ofStore = new Map<string, Seen>()));
  for (const [part, windowsMs] of windows) {
    const key = JSON.stringify([prefix, part]);
    const seen = ofStore.get(key);
    if (seen === undefined || seen.limiter === limiter) ofStore.set(key, { limiter, windowsMs });
    else {
      const pair = differing(seen.windowsMs, windowsMs) ?? differing(windowsMs, seen.windowsMs);
      if (pair !== undefined) log.once(`windows ${key}`, sentence(prefix, part, pair));
    }
  }
}

/** A window that only the first has, and one of the other's. */
function differing(some: ReadonlySet<number>, others: ReadonlySet<number>): number[] | undefined {
  const only = [...some].find((ms) => !others.has(ms));
  return only === undefined ? undefined : [only, ...others].slice(0, 2);
}

function sentence(prefix: string, part: string, windowsMs: number[]): string {
  const [id = ''] = part.split('@', 1);
  const [one, other] = windowsMs.sort((a, b) => a - b).map(windowText);
  const what = id === '' ? 'the same keys' : `the rule ${shown(id)}`;
  const or = id === '' ? '' : ', or its rule another id';
  return (
    `Limiters under the prefix ${shown(prefix)} count ${what} in windows of ${one} and of ${other}; the shorter one ` +
    `ends the longer one's count. Give one of them a prefix of its own${or}.`
  );
}
