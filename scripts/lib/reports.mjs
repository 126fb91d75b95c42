// Reads the reports that CTest and Jest write, and adds them up.
import { existsSync, readFileSync } from 'node:fs';

export const nothing = { passed: 0, failed: 0 };

export function sum(counts) {
  return counts.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }), nothing);
}

/** One check that is not a case of a test runner: a compiler, a linter. */
export const one = (good) => (good ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });

/** Counts of CTest's JUnit file. A missing file, or a run without a case, is a failure. */
export function ctestCounts(file, succeeded) {
  const suite = existsSync(file) ? /<testsuite\b[^>]*>/.exec(readFileSync(file, 'utf8'))?.[0] : undefined;
  if (!suite) return one(false);
  const number = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = number('failures') + number('errors') + number('disabled') + number('skipped');
  const passed = number('tests') - failed;
  return { passed, failed: failed === 0 && (!succeeded || passed === 0) ? 1 : failed };
}

/**
 * Counts of Jest's JSON file. A file that did not run, a handle left open and, unless a selection was asked for, a
 * skipped case are failures too.
 */
export function jestCounts(file, succeeded, selected) {
  if (!existsSync(file)) return one(false);
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const skipped = selected ? 0 : report.numPendingTests + report.numTodoTests;
  const openHandles = report.openHandles?.length ?? 0;
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites + openHandles + skipped;
  const passed = report.numPassedTests;
  return { passed, failed: failed === 0 && (!succeeded || passed === 0) ? 1 : failed };
}
