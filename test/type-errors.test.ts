/** Where TypeScript says that something is wrong, and what: at the very property, in words about that property. */
import { join } from 'node:path';
import ts from 'typescript';

const FILE = join(__dirname, 'type-errors.source.ts');
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};
const HEAD = "import { createRateLimiter, namedRate, parseRate, type RequestRule } from 'spillway';\n";

/** Each complaint as the text that it stands at, and what it says in its first and its last line. */
const complaints = (() => {
  const disk = ts.createCompilerHost(OPTIONS);
  const parsed = new Map<string, ts.SourceFile | undefined>();
  return (code: string) => {
    const text = `${HEAD}export async function shown() { ${code} }`;
    const host: ts.CompilerHost = {
      ...disk,
      fileExists: (file) => file === FILE || disk.fileExists(file),
      getSourceFile: (file, language) => {
        if (file === FILE) return ts.createSourceFile(file, text, language);
        if (!parsed.has(file)) parsed.set(file, disk.getSourceFile(file, language));
        return parsed.get(file);
      },
    };
    const program = ts.createProgram([FILE], OPTIONS, host);
    return ts.getPreEmitDiagnostics(program).map(({ start = 0, length = 0, messageText }) => {
      const lines = ts.flattenDiagnosticMessageText(messageText, '\n').split('\n');
      return { at: text.slice(start, start + length), says: lines.join(' ') };
    });
  };
})();

test.each([
  "createRateLimiter({ rate: '10/s' }).check('k')",
  "createRateLimiter({ rate: namedRate('login') }).check('k', { cost: 2 })",
  "createRateLimiter({ rate: parseRate(process.env.API_RATE ?? '1/s') }).check('k')",
  "createRateLimiter({ plans: { FREE: '1/s', PRO: ['1/s', { rate: '5/10s', shadow: true }] } }).check('k', 'PRO')",
  "createRateLimiter({ rules: [{ id: 'a', by: ({ user }) => user, rate: 'unlimited' }] }).checkRequest({ method: 'GET', path: '/' })",
  "createRateLimiter({ rate: '1/s', rules: [{ id: 'a', rate: '1/s' }] }).checkRequest({ method: 'GET', path: '/' })",
])(
  '%s compiles',
  (code) => {
    expect(complaints(`${code};`)).toEqual([]);
  },
  60_000,
);

test.each<[string, string, RegExp]>([
  [
    "createRateLimiter({ rate: '10/s', timoutMs: 5 })",
    'timoutMs',
    /'timoutMs' does not exist.* Did you mean.* 'timeoutMs'/,
  ],
  ["createRateLimiter({ plans: { FREE: '1/s' }, timoutMs: 5 })", 'timoutMs', /Did you mean.* 'timeoutMs'/],
  ['createRateLimiter({ rules: [], timoutMs: 5 })', 'timoutMs', /Did you mean.* 'timeoutMs'/],
  ["createRateLimiter({ rate: '10/hour' })", 'rate', /'"10\/hour"' is not assignable/],
  ["createRateLimiter({ rate: 'login' })", 'rate', /'"login"' is not assignable/],
  [
    "createRateLimiter({ rate: '10/s', timeoutMs: '5' })",
    'timeoutMs',
    /'string' is not assignable to type 'number'/,
  ],
  [
    "createRateLimiter({ plans: { FREE: '1/s', PRO: '1/hour' } })",
    'PRO',
    /'"1\/hour"' is not assignable to type 'Plan'/,
  ],
  [
    "createRateLimiter({ plans: { FREE: '1/s', PRO: { rate: '1/hour' } } })",
    'PRO',
    /property 'rate' are incompatible.* '"1\/hour"' is not assignable to type 'Rate/,
  ],
  ["createRateLimiter({ plans: { PRO: { rate: '1/h', shadw: true } } })", 'shadw', /'shadw' does not exist/],
  [
    "createRateLimiter({ plans: { PRO: { rate: '1/h', algorithm: 'bucket' } } })",
    'PRO',
    /property 'algorithm' are incompatible.* '"bucket"' is not assignable/,
  ],
  [
    "createRateLimiter({ rules: [{ id: 'a', rate: '1/hour' }] })",
    'rate',
    /'"1\/hour"' is not assignable to type 'Rate'/,
  ],
  [
    "createRateLimiter({ rules: [{ id: 'a', rate: '1/h', shadw: true }] })",
    'shadw',
    /Did you mean.* 'shadow'/,
  ],
  ["createRateLimiter({ rules: [{ id: 'a', rate: '1/h', by: 'usr' }] })", 'by', /'"usr"' is not assignable/],
  ["createRateLimiter({ plans: { A: '1/s' }, rate: '1/s' })", 'rate', /not assignable to type 'undefined'/],
  ["createRateLimiter({ prefix: 'a:' })", "{ prefix: 'a:' }", /not assignable/],
  [
    "createRateLimiter({ plans: { FREE: '1/s', PRO: '9/s' } }).check('k', 'PROO')",
    "'PROO'",
    /'"PROO"' is not assignable to .*'"FREE" \| "PRO"'/,
  ],
  ["createRateLimiter({ plans: { FREE: '1/s' } }).check('k')", 'check', /Expected 2-3 arguments/],
  ["createRateLimiter({ rules: [] }).check('k')", 'check', /'check' does not exist on type 'RequestLimiter'/],
  ["createRateLimiter({ rate: '1/s' }).check('k', 'FREE')", "'FREE'", /'"FREE"' has no properties in common/],
  [
    "createRateLimiter({ plans: { FREE: '1/s' } }).checkRequest({ method: 'GET', path: '/', plan: 'GOLD' })",
    'plan',
    /'"GOLD"' is not assignable/,
  ],
])(
  '%s: said at %s',
  (code, at, says) => {
    const found = complaints(`${code};`);
    expect(found).toEqual([{ at, says: expect.stringMatching(says) as string }]);
    // Which of several shapes was meant is nobody's question.
    expect(found[0]!.says).not.toMatch(/overload/);
  },
  60_000,
);
