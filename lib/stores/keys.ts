/**
 * How keys are named in stores, and read back. The core composes them itself (src/domain/key.h); test/vectors/keys.json
 * holds the two together.
 */

/** What stands in front of the encoded subject. `part` is that of `keyPart`. */
export function keyFront(prefix: string, part: string): string {
  return part === '' ? prefix : `{${prefix}`;
}

/** What stands behind it. */
export function keyTail(part: string): string {
  return part === '' ? '' : `}:${part}`;
}

/** The key of a subject under a rule. */
export function keyOf(prefix: string, subject: string, part: string): string {
  return keyFront(prefix, part) + encodeSubject(subject) + keyTail(part);
}

/** The subject of a key that begins and ends so. Text that others put there stays as it is. */
export function subjectIn(key: string, front: string, tail: string): string {
  const encoded = key.slice(front.length, key.length - tail.length);
  if (!encoded.includes('%')) return encoded;
  return encoded.replace(/%([01][0-9A-F]|25|7B|7D|7F)/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

const ENCODED = /[%{}\x00-\x1f\x7f]/;

/** Injective for any id: what would end a name or change its slot in a cluster is percent-encoded. */
export function encodeSubject(subject: string): string {
  if (!ENCODED.test(subject)) return subject;

  return subject.replace(/[%{}\x00-\x1f\x7f]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
