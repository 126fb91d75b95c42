/** Who may ask. Of each key only its SHA-256 is kept, and no message quotes a key. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { secret } from '../base/environment';
import { invalidOption, shown } from '../base/errors';

export interface ApiKey {
  /** For logs and audits. */
  readonly name: string;
  readonly digest: Buffer;
}

const VARIABLE = 'SPILLWAY_API_KEYS';
const NAME = /^[\w.-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/i;
/** What a generator gives is longer; what somebody thinks up may be guessed. */
const LEAST = 16;
const SCHEME = 'bearer ';

/** The keys that hold at a time. */
export class Keys {
  private constructor(private readonly all: readonly ApiKey[]) {}

  /** @throws RateLimitError `ERR_INVALID_OPTION` where two have one name, or are the same */
  static of(all: readonly ApiKey[]): Keys {
    const seen = new Set<string>();
    for (const { name, digest } of all) {
      const texts = [`name ${name}`, digest.toString('hex')];
      if (texts.some((text) => seen.has(text))) {
        throw invalidOption(
          `The API key ${shown(name)} is there twice, by its name or by itself, in serve.keys and ${VARIABLE} together.`,
        );
      }
      for (const text of texts) seen.add(text);
    }
    return new Keys(all);
  }

  get count(): number {
    return this.all.length;
  }

  /** As `nameOf`, also of a browser, which sends a key as the password of any name. */
  nameOfBrowser(authorization: string | undefined): string | undefined {
    const [, basic] = /^basic +([\w+/=]+)$/i.exec(authorization ?? '') ?? [];
    if (basic === undefined) return this.nameOf(authorization);
    const pair = Buffer.from(basic, 'base64').toString();
    return this.nameOf(`Bearer ${pair.slice(pair.indexOf(':') + 1)}`);
  }

  /** Whose key a request brings as `Authorization: Bearer …`; undefined: none that holds. */
  nameOf(authorization: string | undefined): string | undefined {
    if (authorization === undefined || authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
      return undefined;
    }
    const digest = createHash('sha256').update(authorization.slice(SCHEME.length).trim()).digest();
    let found: string | undefined;
    // All of them, so that the time does not tell which it was.
    for (const key of this.all) if (timingSafeEqual(key.digest, digest)) found = key.name;
    return found;
  }
}

/** A key of a configuration. @throws RateLimitError `ERR_INVALID_OPTION` */
export function keyOfDigest(name: unknown, sha256: unknown, at: string): ApiKey {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalidOption(`${at}.name must be 1 to 64 letters, digits, dots, dashes or underscores.`);
  }
  if (typeof sha256 !== 'string' || !DIGEST.test(sha256)) {
    throw invalidOption(
      `${at}.sha256 must be the SHA-256 of the key in 64 hexadecimal digits, as printf %s "$KEY" | sha256sum prints it.`,
    );
  }
  return { name, digest: Buffer.from(sha256, 'hex') };
}

/**
 * The keys of `SPILLWAY_API_KEYS`, with commas between: `web:…`, or `web:sha256:…` with a digest; a name may be left out.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function keysOfEnvironment(): ApiKey[] {
  const entries = secret(VARIABLE)
    .split(/[,\s]+/)
    .filter((entry) => entry !== '');
  return entries.map((entry, i) => {
    const at = `${VARIABLE}: key ${i + 1}`;
    const [, name = `key-${i + 1}`, isDigest, rest = ''] =
      /^(?:(?!sha256:)([\w.-]{1,64}):)?(sha256:)?(.*)$/.exec(entry) ?? [];
    if (isDigest !== undefined) return keyOfDigest(name, rest, at);
    if (rest.length < LEAST) {
      throw invalidOption(`${at} has fewer than ${LEAST} characters. Take what openssl rand -hex 32 prints.`);
    }
    return { name, digest: createHash('sha256').update(rest).digest() };
  });
}
