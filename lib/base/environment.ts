/** What the environment says, without what files of secrets, shells and `--env-file` leave around it. */
type Environment = Readonly<Record<string, string | undefined>>;

/** A text without blanks and line breaks around it, nor one pair of quotes. */
export function unwrapped(text: string): string {
  return withoutQuotes(text.trim()).trim();
}

/** A variable, unwrapped; empty where it is not set. */
export function variable(name: string, env: Environment = process.env): string {
  return unwrapped(env[name] ?? '');
}

/**
 * A password of the environment. Blanks may be part of one, so only a line break at the end, which no password can
 * be meant to have, and one pair of quotes around all of it are left out.
 */
export function secret(name: string): string {
  return withoutQuotes((process.env[name] ?? '').replace(/\r?\n$/, ''));
}

/** The Redis that `REDIS_URL` and `REDIS_PASSWORD` name; undefined: none. */
export function redisOfEnvironment(): string | { url: string; password: string } | undefined {
  const url = variable('REDIS_URL');
  if (url === '') return undefined;
  const password = secret('REDIS_PASSWORD');
  return password === '' ? url : { url, password };
}

function withoutQuotes(text: string): string {
  return /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text;
}
