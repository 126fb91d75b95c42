/** The middleware that docs/migrating.md shows for Express, run on requests as Express makes them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRateLimiter, type RateOptions } from 'spillway';
import ts from 'typescript';
import { owner } from './support/owned';

const own = owner();

interface ExpressRequest {
  method: string;
  ip?: string;
  baseUrl: string;
  originalUrl: string;
  url: string;
}
type Middleware = (request: ExpressRequest, response: object, next: () => void) => Promise<void>;

/** The middleware of the page, on a limiter with these options in place of its own. */
async function fromThePage(options: object): Promise<Middleware> {
  const page = readFileSync(join(__dirname, '../docs/migrating.md'), 'utf8');
  const [, code] = /```ts\n([^`]*function limit\([^`]*)```/.exec(page)!;
  const { outputText } = ts.transpileModule(code!, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 },
  });
  const body = outputText.replace(/^import .*$/gm, '').replace('export async', 'return async');
  const given: unknown = { ...options, prefix: `${Math.random()}:` };
  const limiter = await own(createRateLimiter(given as RateOptions));
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  return (new Function('createRateLimiter', body) as (create: unknown) => Middleware)(() => limiter);
}

/** The status that each of these requests gets under `app.use('/api', limit)`; 200: it went on. */
async function statuses(limit: Middleware, ips: readonly (string | undefined)[]): Promise<number[]> {
  const given: number[] = [];
  for (const ip of ips) {
    const response = { statusCode: 0, setHeader: () => response, end: () => response };
    const request = { method: 'GET', ip, baseUrl: '/api', originalUrl: '/api/users?x=1', url: '/users?x=1' };
    await limit(request, response, () => (response.statusCode = 200));
    given.push(response.statusCode);
  }
  return given;
}

const FIVE_THEN_DENIED = [200, 200, 200, 200, 200, 429];
const ips = (of: (i: number) => string) => Array.from({ length: 6 }, (_, i) => of(i));

test.each<[string, string[]]>([
  ['an address', ips(() => '1.2.3.4')],
  ['an address with ports', ips((i) => `1.2.3.4:${i + 1}`)],
  ['addresses of one IPv6 network', ips((i) => `2001:db8::${i + 1}`)],
  ['one behind NAT64', ips((i) => (i % 2 === 0 ? '64:ff9b::1.2.3.4' : '64:ff9b::102:304'))],
  ['one in 6to4', ips((i) => `2002:102:304:${i}::1`)],
])('%s is one client, and rules see the path under its mount', async (_, given) => {
  const rules = [{ id: 'api', match: '/api/*', by: 'ip', rate: '5/m' }];
  expect(await statuses(await fromThePage({ rules }), given)).toEqual(FIVE_THEN_DENIED);
  expect(await statuses(await fromThePage({ rate: '5/m' }), given)).toEqual(FIVE_THEN_DENIED);
});

test('other clients are others, and who has no address shares none', async () => {
  const limit = await fromThePage({ rate: '1/m' });
  expect(
    await statuses(
      limit,
      ips((i) => `64:ff9b::1.2.3.${i}`),
    ),
  ).toEqual(Array(6).fill(200));
  expect(
    await statuses(
      limit,
      ips((i) => `1.2.3.${i}`),
    ),
  ).toEqual(Array(6).fill(200));
  expect(await statuses(limit, [undefined, 'unknown'])).toEqual([429, 429]);
});
