/** The two headers in which proxies tell where a request came from. Neither reader ever throws. */

/** The elements of a comma-separated header from its right end, trimmed; it is never split as a whole. */
export function* elementsOf(value: string): Generator<string, void, undefined> {
  let end = value.length;
  for (;;) {
    const comma = value.lastIndexOf(',', end - 1);
    // lastIndexOf takes a position below 0 for 0, where a comma would be found for ever.
    const start = end === 0 ? -1 : comma;
    yield value.slice(start + 1, end).trim();
    if (start === -1) return;
    end = start;
  }
}

/** Far more than Node.js takes; without a bound a long quoted text could exhaust the regular expression's stack. */
const MAX_LENGTH = 65_536;

const TOKEN = "[!#$%&'*+.^_`|~\\w-]+";
const QUOTED = '"(?:[^"\\\\\\x00-\\x08\\x0a-\\x1f\\x7f]|\\\\[\\t -~\\x80-\\uffff])*"';
const PAIR = new RegExp(`[ \\t]*(${TOKEN})=(?:(${TOKEN})|(${QUOTED}))[ \\t]*`, 'y');

/**
 * The `for` of each element of a `Forwarded` header (RFC 7239, section 4), empty where an element has none.
 * Undefined where the header is malformed anywhere. That is strict on purpose: a client that opens a quote and does
 * not close it moves the borders of everything behind it, and then no element can be told from its text.
 */
export function forwardedFor(value: string): string[] | undefined {
  if (value.length > MAX_LENGTH) return undefined;
  const nodes: string[] = [];
  let node: string | undefined;
  let at = 0;
  for (;;) {
    PAIR.lastIndex = at;
    const pair = PAIR.exec(value);
    if (pair === null) return undefined;
    at = PAIR.lastIndex;
    if (pair[1]!.toLowerCase() === 'for') {
      // A parameter must not occur twice in an element, and which one to believe is anybody's guess.
      if (node !== undefined) return undefined;
      node = pair[2] ?? unquoted(pair[3]!);
    }
    if (at < value.length && value[at] === ';') {
      at++;
      continue;
    }
    nodes.push(node ?? '');
    node = undefined;
    if (at === value.length) return nodes;
    if (value[at] !== ',') return undefined;
    at++;
  }
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, '$1');
}
