import { variable } from '../base/environment';
import { invalidOption, shown } from '../base/errors';
import { VERSION } from '../base/version';

/** Where spillway says what whoever runs the application should know. `console` is one; so are most loggers. */
export interface Logger {
  /** Something is not as it was probably meant, or is well again. */
  warn(message: string): void;
  /** Requests are not being counted. */
  error(message: string): void;
  /** Each step of a connection. */
  debug?(message: string): void;
}

const LEVELS = ['debug', 'warn', 'error', 'none'] as const;
type Level = (typeof LEVELS)[number];

/** `RATELIMIT_LOG_LEVEL` of the environment, for the console; `warn` where it says nothing that is known. */
function level(): Level {
  const given = variable('RATELIMIT_LOG_LEVEL').toLowerCase();
  return LEVELS.find((one) => one === given) ?? 'warn';
}

function isSaid(of: Level): boolean {
  return LEVELS.indexOf(of) >= LEVELS.indexOf(level());
}

const ON_CONSOLE: Logger = {
  warn: (message) => isSaid('warn') && console.warn(message),
  error: (message) => isSaid('error') && console.error(message),
  debug: (message) => isSaid('debug') && console.debug(message),
};

/**
 * What was said once, by whom it was said to. A bundler evaluates modules several times, so it hangs on globalThis, as
 * the stores do.
 */
function said(): WeakMap<object, Set<string>> {
  const name = Symbol.for(`spillway@${VERSION} said`);
  const holder = globalThis as { [name]?: WeakMap<object, Set<string>> };
  return (holder[name] ??= new WeakMap());
}

/** A logger as this package uses it: nothing that it throws or rejects with becomes anybody's failure. */
export class Log {
  /** @param identity what tells one logger from another, also among copies of this module */
  constructor(
    private readonly to: Logger | undefined,
    readonly identity: object,
  ) {}

  warn(message: string): void {
    this.say('warn', message);
  }

  error(message: string): void {
    this.say('error', message);
  }

  debug(message: string): void {
    this.say('debug', message);
  }

  /** Says it the first time that something of this name is said to this logger. */
  once(name: string, message: string, how: 'warn' | 'error' = 'warn'): void {
    const all = said();
    const names = all.get(this.identity) ?? new Set();
    all.set(this.identity, names);
    if (names.has(name)) return;
    names.add(name);
    this.say(how, message);
  }

  private say(how: keyof Logger, message: string): void {
    try {
      const answer: unknown = this.to?.[how]?.(`spillway: ${message}`);
      if (answer instanceof Promise) answer.catch(() => {});
    } catch {
      // There is nobody left to tell.
    }
  }
}

/** To whom limiters speak that were given no logger. */
export const CONSOLE = new Log(ON_CONSOLE, console);

const SILENCE = new Log(undefined, {});

/** One for each logger, so that limiters with the same one are told things once. */
const logs = new WeakMap<object, Log>();

/** Reads the option `logger`. @throws RateLimitError `ERR_INVALID_OPTION` */
export function readLogger(value: unknown): Log {
  if (value === undefined) {
    refuseUnknownLevel();
    return CONSOLE;
  }
  if (value === false) return SILENCE;
  if (typeof value !== 'object' && typeof value !== 'function') throw noLogger(value);
  const logger = value as Partial<Record<keyof Logger, unknown>> | null;
  if (logger === null || typeof logger.warn !== 'function' || typeof logger.error !== 'function') {
    throw noLogger(value);
  }
  const known = logs.get(logger);
  if (known !== undefined) return known;
  const made = new Log(logger as Logger, logger);
  logs.set(logger, made);
  return made;
}

function noLogger(value: unknown) {
  return invalidOption(
    `logger must be an object with the functions warn and error, such as console, or false for none, not ${shown(value)}.`,
  );
}

/** The environment stops nobody from starting; that it says nothing known is said. */
function refuseUnknownLevel(): void {
  const given = variable('RATELIMIT_LOG_LEVEL').toLowerCase();
  if (given === '' || LEVELS.some((one) => one === given)) return;
  CONSOLE.once('log level', `RATELIMIT_LOG_LEVEL is none of ${LEVELS.join(', ')}; it is taken as "warn".`);
}
