/** Percent-encoding that is none, or of bytes that are no UTF-8. */
import { parsePath } from '../../lib/rules/path';

test.each([
  ['/a/%', ['a', '%']],
  ['/a/%zz/b', ['a', '%zz', 'b']],
  ['/%20/%ff', [' ', '%ff']],
  ['/%20/%C3', [' ', '%C3']],
  ['/%FF%7F%80', ['%FF\x7f%80']],
  ['/%20/%C3%20', [' ', '%C3 ']],
  ['/%20/%c3%20', [' ', '%c3 ']],
  ['/a/%E0%80%AF', ['a', '%E0%80%AF']],
  ['/a/%c0%ae%c0%ae/b', ['a', '%c0%ae%c0%ae', 'b']],
  ['/a/%u002e', ['a', '%u002e']],
  ['/a/\ud800', ['a', '\ud800']],
])('malformed encoding stays as it is, the ASCII around it is decoded: %j', (path, segments) => {
  expect(parsePath(path).readings).toEqual([segments]);
});

test.each([
  ['/%41%C3%28', ['A%C3(']],
  ['/a%2d%FF%7e', ['a-%FF~']],
  ['/%4A%4a%80%7E', ['JJ%80~']],
])('so it is where the ASCII needed no encoding: %j', (path, segments) => {
  expect(parsePath(path).readings[0]).toEqual(segments);
});
