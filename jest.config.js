// What the limiters of the tests would say to the console is no test's output; tests that read it give a logger or a level.
process.env.RATELIMIT_LOG_LEVEL ??= 'none';

/** The tests see the package as users do: by its name, through package.json's exports, from dist/ and prebuilds/. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, sourceMaps: 'inline' },
    ],
  },
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/drill/', '<rootDir>/test/image/'],
  testSequencer: '<rootDir>/scripts/lib/longest-first.cjs',
  maxWorkers: 3,
  // Instrumented builds run several times slower.
  testTimeout: /asan|tsan/.test(process.env.LD_PRELOAD ?? '') ? 60_000 : 20_000,
};
