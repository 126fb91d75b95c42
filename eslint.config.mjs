import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

// Their packages are installed on demand, so apps are checked without types; `next build` checks those.
const withoutTypes = ['examples/**', 'test/fixtures/**', '**/*.{js,mjs,cjs}'];
const nodeGlobals = Object.fromEntries(
  Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']),
);

export default defineConfig(
  globalIgnores([
    'build/',
    'dist/',
    'dist.new/',
    'prebuilds/',
    'coverage/',
    '**/node_modules/',
    '**/.next/',
    '**/next-env.d.ts',
  ]),
  tseslint.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'off',
      'no-constant-binary-expression': 'error',
      'no-implicit-coercion': 'error',
      'no-promise-executor-return': 'off',
      'no-self-compare': 'error',
      'no-useless-return': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.{ts,mts,cts,tsx}'],
    ignores: withoutTypes,
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // What was caught is unknown, and is passed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // Surplus arguments are counted, which costs a call nothing; an array of the rest would.
      'prefer-rest-params': 'off',
    },
  },
  {
    // The binary, and what the build writes, are loaded by literal requires, whose type is any.
    files: [
      'lib/binary.ts',
      'lib/dashboard-page.ts',
      'lib/base/lazy.ts',
      'lib/serve/framework.ts',
      'lib/testing/vectors.ts',
    ],
    rules: {
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // What Jest's matchers, JSON and responses give is any.
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // Type tests hold values only for their types.
    files: ['test/types/**'],
    rules: {
      '@typescript-eslint/no-unused-vars': 'off',
      '@typescript-eslint/consistent-type-imports': 'off',
    },
  },
  {
    // TypeScript's compiler sees names that nobody declared; in plain JavaScript nothing else does.
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: { ...nodeGlobals, __dirname: 'readonly', module: 'writable', require: 'readonly' },
    },
    rules: { 'no-undef': 'error' },
  },
  {
    files: ['**/*.{js,cjs}'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
