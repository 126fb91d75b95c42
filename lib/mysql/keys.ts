import { crypto } from '../base/lazy';

/** An index of InnoDB takes 3,072 bytes at most, and a key is longer where an id is full of what has to be encoded. */
const LONGEST = 2_048;
/** Stands in no text. */
const MARK = Buffer.of(0xff);
const HASHED = 32;

/** A text as statements hold it: hexadecimal, in the order of its bytes. */
export const hex = (text: string): string => Buffer.from(text).toString('hex');

/** By what the row of a key is found, as hexadecimal: the key, or its front and a hash. */
export function idOf(key: string): string {
  const bytes = Buffer.from(key);
  if (bytes.length <= LONGEST) return bytes.toString('hex');
  const hash = crypto().createHash('sha256').update(bytes).digest();
  return Buffer.concat([bytes.subarray(0, LONGEST - HASHED - 1), MARK, hash]).toString('hex');
}

/** Whether the row of a key has to hold it besides. */
export const isCut = (id: string): boolean =>
  id.length === LONGEST * 2 && id.slice(-(HASHED + 1) * 2).startsWith('ff');
