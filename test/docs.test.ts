/** The code on the pages of docs, as its readers copy it: TypeScript compiles against the package, the rest is read. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, loadRules } from 'spillway';
import ts from 'typescript';
import { blocksOf, PAGES, type Block } from './support/pages';

const FOLDER = join(__dirname, 'fixtures/docs');
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  jsx: ts.JsxEmit.Preserve,
  types: ['node', 'express'],
  paths: { '@/*': [join(FOLDER, 'nextjs/*')] },
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

const blocks = PAGES.flatMap(blocksOf);
const inLanguage = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));

/** The file that a block is: where its first line names one, that; then others of its page can import it. */
function fileOf({ page, line, language, code }: Block): string {
  const named = /^\/\/ ([\w./-]+\.tsx?)\n/.exec(code)?.[1];
  const folder = join(FOLDER, page.replace(/^docs\/|\.md$/g, ''));
  return join(folder, named ?? `line-${line}.${language === 'tsx' ? 'tsx' : 'ts'}`);
}

/** A block as a module: what exports nothing stands in a function, where `return` and `await` are. Lines keep their numbers. */
function moduleOf({ language, code }: Block): string {
  const text =
    language === 'diff' ? code.replace(/^(?:-.*|[+ ](.*))$/gm, (_, kept?: string) => kept ?? '') : code;
  if (/^export /m.test(text)) return text;
  const body = text.replace(/^import [^;]*;/gm, (statement) => statement.replace(/[^\n]/g, ' '));
  const imports = text.match(/^import [^;]*;/gm) ?? [];
  return `${imports.join(' ').replace(/\n/g, ' ')} export async function shown() {${body}}`;
}

/** What the compiler says of all blocks together, each with its place on its page. */
function complaints(given: readonly Block[]): string[] {
  const files = new Map(given.map((block) => [fileOf(block), block]));
  const disk = ts.createCompilerHost(OPTIONS);
  const textOf = (file: string) => {
    const block = files.get(file);
    return block === undefined ? undefined : moduleOf(block);
  };
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => files.has(file) || disk.fileExists(file),
    readFile: (file) => textOf(file) ?? disk.readFile(file),
    directoryExists: () => true,
    getSourceFile: (file, language, ...rest) => {
      const text = textOf(file);
      if (text === undefined) return disk.getSourceFile(file, language, ...rest);
      return ts.createSourceFile(file, text, language);
    },
  };
  const program = ts.createProgram([join(FOLDER, 'ambient.d.ts'), ...files.keys()], OPTIONS, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const said = ts.flattenDiagnosticMessageText(messageText, '\n');
    if (file === undefined) return said;
    const block = files.get(file.fileName);
    const line = file.getLineAndCharacterOfPosition(start ?? 0).line;
    return `${block === undefined ? file.fileName : `${block.page}:${block.line + line}`}: ${said}`;
  });
}

/** Shows that what the compiler would refuse is found. */
const WRONG: Block = {
  page: 'docs/wrong.md',
  line: 7,
  place: '',
  language: 'ts',
  code: "import { createRateLimiter } from 'spillway';\n\ncreateRateLimiter({ rate: '5/m', onerror: 'open' });\n",
};

test('TypeScript compiles against the package', () => {
  const given = inLanguage('ts', 'tsx', 'diff');
  expect(given.length).toBeGreaterThan(25);
  const found = expect.stringMatching(/^docs\/wrong\.md:9: [^]*onerror/) as string;
  expect(complaints([...given, WRONG])).toEqual([found]);
}, 60_000);

test.each(inLanguage('sh'))('$place is a script that bash reads', ({ code }) => {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.each(inLanguage('json'))('$place is a file of rules, or a configuration', async ({ page, code }) => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-docs-'));
  const file = join(folder, 'ratelimit.json');
  try {
    writeFileSync(file, code);
    if (page === 'docs/service.md') await loadConfig(file);
    else loadRules(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('there is no code in a language that nothing here reads', () => {
  const others = blocks.filter(
    ({ language }) => !['ts', 'tsx', 'diff', 'sh', 'json', 'console', ''].includes(language),
  );
  expect(others.map(({ place, language }) => `${place}: ${language}`)).toEqual([]);
});
