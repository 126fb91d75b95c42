/** RESP2, both directions: enough for the raw client (replies) and for the fake server (commands). */

export type Reply = string | number | null | ReplyError | Reply[];

export class ReplyError extends Error {}

export function encode(args: readonly (string | number | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** Raw replies for scripted servers. */
export const ok = '+OK\r\n';
export const nil = '$-1\r\n';
export const nilArray = '*-1\r\n';
export const integer = (value: number) => `:${value}\r\n`;
export const error = (text: string) => `-${text}\r\n`;
export const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
export const array = (...items: string[]) => `*${items.length}\r\n${items.join('')}`;

/** Cuts a byte stream into values; feed() returns those that are complete. */
export class RespReader {
  private pending: Buffer = Buffer.alloc(0);
  private at = 0;

  feed(chunk: Buffer): Reply[] {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    const values: Reply[] = [];
    let consumed = 0;
    for (;;) {
      this.at = consumed;
      const value = this.value();
      if (value === undefined) break;
      values.push(value);
      consumed = this.at;
    }
    this.pending = this.pending.subarray(consumed);
    return values;
  }

  private line(): string | undefined {
    const end = this.pending.indexOf('\r\n', this.at);
    if (end < 0) return undefined;
    const text = this.pending.toString('utf8', this.at, end);
    this.at = end + 2;
    return text;
  }

  private value(): Reply | undefined {
    const line = this.line();
    if (line === undefined) return undefined;
    const rest = line.slice(1);
    switch (line.charAt(0)) {
      case '+':
        return rest;
      case '-':
        return new ReplyError(rest);
      case ':':
        return Number(rest);
      case '$':
        return this.bulk(Number(rest));
      case '*':
        return this.array(Number(rest));
      default:
        throw new Error(`not RESP2: ${JSON.stringify(line)}`);
    }
  }

  private bulk(length: number): string | null | undefined {
    if (length < 0) return null;
    if (this.pending.length < this.at + length + 2) return undefined;
    const text = this.pending.toString('utf8', this.at, this.at + length);
    this.at += length + 2;
    return text;
  }

  private array(length: number): Reply[] | null | undefined {
    if (length < 0) return null;
    const items: Reply[] = [];
    while (items.length < length) {
      const item = this.value();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}
