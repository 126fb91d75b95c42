import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Ajv from 'ajv';
import { namedRate, RATE_NAMES, type RateName } from '../../lib/rules/named-rates';
import { compileRules, RULE_OPTIONS, type RuleOptions } from '../../lib/rules/compile';
import { FAILURE_MODES } from '../../lib/rules/failure-mode';
import { loadRules } from '../../lib/rules/file';
import { IDENTITIES } from '../../lib/rules/identity';
import { TIERS } from '../../lib/rules/tiers';
import { ALGORITHMS } from '../../lib/rules/algorithm';
import { refusalOf } from './refusal';

interface Schema {
  properties: Record<string, unknown>;
  definitions: Record<'algorithm' | 'failureMode' | 'identity', { enum: string[] }> & {
    rate: { oneOf: { enum?: string[] }[] };
  };
}
const schema = JSON.parse(
  readFileSync(path.join(__dirname, '../../schema/rules.schema.json'), 'utf8'),
) as Schema;
const isValid = new Ajv({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

const GOOD: unknown[] = [
  { plans: TIERS },
  { rate: '10/s', bypass: '/api/health' },
  {
    rules: [
      { id: 'a', rate: '1/s', bypass: '/a' },
      { id: 'b', rate: '1/s', bypass: ['/b/*', '/'] },
    ],
  },
  { rate: 'login', algorithm: 'token-bucket', burst: 9 },
  { $schema: './x.json', plans: { FREE: 'unlimited', PRO: { requests: 5, windowMs: 1 }, A: ['1/010s'] } },
  {
    plans: {
      FREE: ['100/h', { id: 'minute', rate: '10/m', shadow: true, nearLimit: 1, failureMode: 'closed' }],
    },
    rules: [
      { id: 'signin', match: 'POST:/api/auth/signin', by: 'ip', rate: '10/h', failureMode: 'closed' },
      {
        id: 'api',
        match: ['/api/*', '*/v2/*'],
        by: ['user', 'ip'],
        rate: '1000/h',
        algorithm: 'sliding-window',
        group: 'g',
      },
      { id: 'free', rate: 'unlimited', missing: 'shared' },
    ],
    bypass: ['/', 'GET:/', '*/', '/api/health', 'GET:/api/cron/*', '*'],
    algorithm: 'fixed-window',
    failureMode: 'open',
    nearLimit: 0.75,
    missing: 'skip',
    planBy: ['organization', 'global'],
    ipv6Subnet: 48,
    access: {
      allow: ['org-1', 'ip:10.0.0.0/8'],
      deny: ['user:5'],
      overrides: {
        'org-2': ['5/s', '9/h'],
        'org-4': { multiply: 1.5 },
        'org-3': { plan: '1/s', rules: { api: { rate: '5/h' }, signin: 'strict' } },
      },
    },
  },
];

const BAD: unknown[] = [
  [],
  null,
  'x',
  {},
  { bypass: [] },
  { plans: {} },
  { plans: { '': '1/s' } },
  { plans: { A: '1/s' }, rate: '1/s' },
  { plan: { A: '1/s' }, rate: '1/s' },
  { rate: '1/hour' },
  { rate: '1/0s' },
  { rate: '1/s\n' },
  { rate: -1 },
  { rate: null },
  { rate: { requests: 1 } },
  { rate: { requests: 1, windowMs: 1, x: 1 } },
  { rate: { requests: 1.5, windowMs: 1 } },
  { rate: { requests: 1, windowMs: 0 } },
  { plans: { A: [] } },
  { plans: { A: Array(9).fill('1/s') } },
  { plans: { A: [['1/s']] } },
  { plans: { A: { rate: '1/s', algorithm: 'leaky' } } },
  { plans: { A: { rate: '1/s', id: '@x' } } },
  { plans: { A: { rate: '1/s', shadow: 1 } } },
  { plans: { A: { rate: '1/s', burst: '5' } } },
  { plans: { A: { rates: '1/s' } } },
  { rules: {} },
  { rules: ['1/s'] },
  { rules: [{ rate: '1/s' }] },
  { rules: [{ id: 'a' }] },
  { rules: [{ id: 'a', rate: '1/s', match: 'api' }] },
  { rules: [{ id: 'a', rate: '1/s', match: [] }] },
  { rules: [{ id: 'a', rate: '1/s', by: 'tenant' }] },
  { rules: [{ id: 'a', rate: '1/s', by: [] }] },
  { rules: [{ id: 'a', rate: '1/s', missing: true }] },
  { rules: [{ id: 'a', rate: '1/s', skip: true }] },
  { rules: [{ id: 'a', rate: '1/s', group: '' }] },
  { rate: '1/s', skip: null },
  { rate: '1/s', bypass: ['/x/'] },
  { rate: '1/s', bypass: '/x/' },
  { rate: '1/s', bypass: null },
  { rate: '1/s', bypass: [['/x']] },
  { rules: [{ id: 'a', rate: '1/s', bypass: ['/x/'] }] },
  { rate: '1/s', nearLimit: { at: 0 } },
  { rate: '1/s', nearLimit: { tell: 'log' } },
  { rate: '1/s', nearLimit: 0 },
  { rate: '1/s', nearLimit: 1.1 },
  { rate: '1/s', failureMode: 'maybe' },
  { rate: '1/s', ipv6Subnet: 129 },
  { rate: '1/s', access: [] },
  { rate: '1/s', access: { allow: [''] } },
  { rate: '1/s', access: { block: [] } },
  { plans: { A: '1/s' }, access: { overrides: { a: { rules: { b: { rates: '1/s' } } } } } },
  { plans: { A: '1/s' }, access: { overrides: { a: -1 } } },
  { plans: { A: '1/s' }, access: { overrides: { a: { multiply: 0 } } } },
  { plans: { A: '1/s' }, access: { overrides: { a: { multiply: 2, plan: '1/s' } } } },
];

let folder: string;
beforeAll(() => (folder = mkdtempSync(path.join(tmpdir(), 'spillway-rules-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const at = path.join(folder, name);
  writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content));
  return at;
}

describe('the schema and the reader agree', () => {
  test.each(GOOD.map((one, i) => [i, one]))('on what is good (%d)', (_, content) => {
    expect(isValid(content) ? [] : isValid.errors).toEqual([]);
    const options = JSON.parse(withoutNames(JSON.stringify(content))) as RuleOptions & { $schema?: string };
    delete options.$schema;
    expect(loadRules(file('good.json', content))).toEqual(options);
  });

  test.each(BAD.map((one) => [one]))('on what is not: %j', (content) => {
    expect(isValid(content)).toBe(false);
    const at = file('bad.json', JSON.stringify(content));
    const error = refusalOf(() => loadRules(at));
    expect(error.code).toBe('ERR_INVALID_OPTION');
    expect(error.message.startsWith(`${at}: `)).toBe(true);
  });

  test('on names', () => {
    expect(Object.keys(schema.properties).sort()).toEqual(['$schema', ...RULE_OPTIONS].sort());
    expect(schema.definitions.algorithm.enum).toEqual([...ALGORITHMS]);
    expect(schema.definitions.failureMode.enum).toEqual([...FAILURE_MODES]);
    expect(schema.definitions.identity.enum).toEqual([...IDENTITIES]);
    expect(schema.definitions.rate.oneOf[1]?.enum).toEqual(['unlimited', ...RATE_NAMES]);
  });
});

/** `login` and `strict` where they are rates, as the environment of this test has them. */
function withoutNames(json: string): string {
  return json.replace(
    /"(rate|signin|NAMED)":"(login|strict)"/g,
    (_, key: string, name: RateName) => `"${key}":${JSON.stringify(namedRate(name))}`,
  );
}

describe('a name in the place of a rate', () => {
  afterEach(() => delete process.env['RATELIMIT_LOGIN_RATE']);

  test('is what the environment says when the file is read, and an id that looks like one stays', () => {
    process.env['RATELIMIT_LOGIN_RATE'] = '3/h';
    const rate = { requests: 3, windowMs: 3_600_000 };
    const override = (one: unknown) => ({
      a: one,
      b: { plan: one, rules: { login: one, user: { rate: one } } },
    });
    const content = (one: unknown) => ({
      plans: { strict: one, B: ['1/s', one, { id: 'tenant', rate: one }], C: { rate: one } },
      rules: [
        { id: 'login', by: ['user'], rate: one },
        { id: 'user', by: 'user', rate: one },
      ],
      access: { allow: ['login'], overrides: override(one) },
    });
    expect(loadRules(file('named.json', content('login')))).toEqual(content(rate));
  });

  test('is refused with its variable where that holds no rate', () => {
    process.env['RATELIMIT_LOGIN_RATE'] = 'often';
    const at = file('named.json', { rate: 'login' });
    expect(() => loadRules(at)).toThrow(`${at}: RATELIMIT_LOGIN_RATE: "often" is not a rate`);
  });
});

test('an error names the file and the place in it', () => {
  const at = file('place.json', {
    rules: [
      { id: 'a', rate: '1/s' },
      { id: 'b', rate: '1/hour' },
    ],
  });
  expect(() => loadRules(at)).toThrow(`${at}: rules[1].rate: "1/hour" is not a rate`);
  const nested = file('nested.json', { plans: { FREE: ['1/s', { rate: '1/m', brst: 5 }] } });
  expect(() => loadRules(nested)).toThrow(
    `${nested}: Unknown option "plans.FREE[1].brst". Did you mean plans.FREE[1].burst?`,
  );
});

describe('one file for each environment', () => {
  test('is read in place of the other where there is one', () => {
    const at = file('env.json', { rate: '1/s' });
    file('env.production.json', { rate: '2/s' });
    expect(loadRules(at)).toEqual({ rate: '1/s' });
    expect(loadRules(at, undefined)).toEqual({ rate: '1/s' });
    expect(loadRules(at, '')).toEqual({ rate: '1/s' });
    expect(loadRules(at, 'test')).toEqual({ rate: '1/s' });
    expect(loadRules(at, 'production')).toEqual({ rate: '2/s' });
  });

  test.each(['../x', 'a/b', 'a b', '.', 'a\0'])('%j is not the name of one', (environment) => {
    expect(() => loadRules('x.json', environment)).toThrow(/^The name of an environment/);
  });
});

test('a file that is missing, or no JSON, is told by its name', () => {
  const missing = path.join(folder, 'missing.json');
  expect(() => loadRules(missing)).toThrow(`${missing}: the file cannot be read (ENOENT).`);
  expect(() => loadRules(folder)).toThrow('(EISDIR)');
  const broken = file('broken.json', '{ "rate": ');
  expect(refusalOf(() => loadRules(broken)).message).toMatch(/broken\.json is not JSON: /);
});

test('a byte order mark is no mistake', () => {
  expect(loadRules(file('bom.json', `\ufeff{ "rate": "1/s" }`))).toEqual({ rate: '1/s' });
});

test('what is loaded can be compiled, and holds no name that objects have by chance', () => {
  const loaded = loadRules(file('proto.json', '{ "plans": { "__proto__": "1/s", "constructor": "2/s" } }'));
  expect([...compileRules(loaded).plans.keys()]).toEqual(['__proto__', 'constructor']);
});
