/** What the service says: a line of JSON on standard output for each. No key, no id and no request is among it. */
import type { Logger } from '../index';

export type Level = 'info' | 'warn' | 'error';

export type Say = (level: Level, event: string, more?: Record<string, unknown>) => void;

export const say: Say = (level, event, more) => {
  const line = { time: new Date().toISOString(), level, event, ...more };
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** A log that nobody reads any more, as behind `| head`, ends no service. */
export function outliveReaders(): void {
  process.stdout.removeAllListeners('error').on('error', () => {});
}

const LEVELS = ['debug', 'warn', 'error', 'none'];

/** For limiters: as loud as `RATELIMIT_LOG_LEVEL` says. */
export function limiterLogger(): Logger {
  const least = Math.max(1, LEVELS.indexOf(process.env['RATELIMIT_LOG_LEVEL']?.trim().toLowerCase() ?? ''));
  const text = (message: string) => ({ message: message.replace(/^spillway: /, '') });
  return {
    warn: (message) => least <= 1 && say('warn', 'limiter', text(message)),
    error: (message) => least <= 2 && say('error', 'limiter', text(message)),
  };
}
