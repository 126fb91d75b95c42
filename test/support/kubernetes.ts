import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './process';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
}

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
};

/** `apps/v1` and `policy/v1` are as they are, `networking.k8s.io/v1` is `networking/v1`, `v1` the core. */
function moduleOf(apiVersion: string): string {
  const [group = '', version] = apiVersion.split('/');
  return `kubernetes-types/${version === undefined ? `core/${group}` : `${group.split('.')[0]}/${version}`}`;
}

/**
 * What Kubernetes' own types, those that are made from its API's description, say of manifests. TypeScript refuses names that
 * a type does not have, which the JSON schemas let pass.
 */
export function complaintsOf(manifests: readonly Manifest[]): string[] {
  const files = new Map(
    manifests.map((manifest, i) => {
      const { apiVersion, kind } = manifest;
      const text = `import type { ${kind} } from '${moduleOf(apiVersion)}';\nexport const manifest: Required<Pick<${kind}, 'apiVersion' | 'kind' | 'metadata'>> & ${kind} = ${JSON.stringify(manifest)};\n`;
      return [join(ROOT, 'test/fixtures/deploy', `${kind}-${i}.ts`), text] as const;
    }),
  );
  const disk = ts.createCompilerHost(OPTIONS);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => files.has(file) || disk.fileExists(file),
    readFile: (file) => files.get(file) ?? disk.readFile(file),
    getSourceFile: (file, language, ...rest) => {
      const text = files.get(file);
      return text === undefined
        ? disk.getSourceFile(file, language, ...rest)
        : ts.createSourceFile(file, text, language);
    },
  };
  const program = ts.createProgram([...files.keys()], OPTIONS, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
