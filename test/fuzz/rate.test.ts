import fc from 'fast-check';
import { MAX_WINDOW_MS } from '../../lib/rules/rate';
import { parseRate } from '../../lib/rules/read-rate';
import { always, LONG, readOr, textOf } from './playing';

const UNIT_MS = { s: 1_000n, m: 60_000n, h: 3_600_000n, d: 86_400_000n };

/** A rate as docs/reference.md describes it, in whole numbers of any size. */
function described(text: string): { requests: number; windowMs: number } | 'unlimited' | undefined {
  if (text === 'unlimited') return text;
  const [requests = '', window = '', ...more] = text.split('/');
  const unit = UNIT_MS[window.slice(-1) as keyof typeof UNIT_MS];
  const units = window.slice(0, -1);
  const isNumber = (digits: string) => digits.length <= 16 && /^[0-9]+$/.test(digits);
  if (more.length > 0 || unit === undefined || !isNumber(requests) || !(units === '' || isNumber(units)))
    return undefined;
  const windowMs = BigInt(units === '' ? '1' : units) * unit;
  if (windowMs < 1n || windowMs > BigInt(MAX_WINDOW_MS) || BigInt(requests) >= 2n ** 53n) return undefined;
  return { requests: Number(requests), windowMs: Number(windowMs) };
}

const PIECES = [
  '0',
  '1',
  '9',
  '16',
  '000000000000000',
  '9007199254740991',
  '9007199254740992',
  '/',
  '/',
  's',
  'm',
  'h',
  'd',
  '-',
  '.',
  'e',
  ' ',
  '\n',
  '"',
  "'",
  '٣',
];

test('a rate is read where it is one, and says what it says', () => {
  const digits = fc.oneof(fc.constant(''), fc.nat().map(String), fc.bigInt(0n, 2n ** 60n).map(String));
  const near = fc.tuple(
    digits,
    fc.constantFrom('/', ''),
    digits,
    fc.constantFrom('s', 'm', 'h', 'd', '', 'S', 'ms'),
  );
  always(
    [
      fc.oneof(
        textOf(PIECES, 6),
        near.map((parts) => parts.join('')),
      ),
    ],
    (text) => {
      const bare = text.trim();
      // Quotes around it are the environment's.
      fc.pre(!/["']/.test(bare));
      expect(readOr(() => parseRate(text))).toEqual(described(bare));
    },
  );
});

test('no text makes it throw anything but a refusal', () => {
  always([textOf(PIECES, 8)], (text) => void readOr(() => parseRate(text)));
  always([fc.anything()], (value) => void readOr(() => parseRate(value as string)));
});

test('a rate in numbers is the rate in text', () => {
  always(
    [fc.nat(), fc.integer({ min: 1, max: 3_650 }), fc.constantFrom('s', 'm', 'h', 'd' as const)],
    (n, k, unit) => {
      expect(parseRate(`${n}/${k}${unit}`)).toEqual({ requests: n, windowMs: k * Number(UNIT_MS[unit]) });
    },
  );
});

test.each([' ', '\t', '\n', '"', "'", '1', '/', '1/', '0'])(
  'a long text of %j is refused at once',
  (piece) => {
    expect(readOr(() => parseRate(`1${piece.repeat(LONG)}x`))).toBeUndefined();
    expect(readOr(() => parseRate(`${piece.repeat(LONG)}1/x`))).toBeUndefined();
  },
);
