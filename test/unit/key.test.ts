import { validateKey } from '../../lib/rules/key';
import { refusal } from '../../lib/stores/native/refusal';
import { Submit } from '../../lib/stores/native/native';
import { refusalOf } from './refusal';

describe('keys', () => {
  test.each([
    'a',
    'org-123',
    'é'.repeat(512),
    'x'.repeat(1_024),
    '\u{1f600}'.repeat(256),
    '\0\r\n',
    '__proto__',
    ' ',
  ])('accepts %j', (key) => {
    expect(() => validateKey(key)).not.toThrow();
  });

  test.each([
    [undefined, /string, not undefined/],
    [null, /string, not null/],
    [5, /string, not number/],
    [{}, /string, not object/],
    ['', /empty/],
    ['x'.repeat(1_025), /1,024 bytes/],
    ['é'.repeat(513), /1,024 bytes/],
    ['x'.repeat(10_000_000), /1,024 bytes/],
    ['a\ud800', /surrogate/],
    ['\udc00\ud800', /surrogate/],
  ])('refuses what is no key', (key, message) => {
    const error = refusalOf(() => validateKey(key));
    expect(error.code).toBe('ERR_INVALID_KEY');
    expect(error.message).toMatch(message);
  });

  test('a refusal never quotes the key', () => {
    expect(refusal(Submit.TooLong, 'jane@example.org'.repeat(100)).message).not.toContain('jane');
    expect(refusal(Submit.LoneSurrogate, 'jane\ud800').message).not.toContain('jane');
  });

  test.each([
    [Submit.BadNumber, 'ERR_INVALID_OPTION'],
    [Submit.Closed, 'ERR_CLOSED'],
  ])('code %d of the core', (code, expected) => {
    expect(refusal(code, 'key')).toMatchObject({ code: expected });
  });
});
