// Builds examples/deploy/app/Dockerfile without an engine, and plays examples/deploy/app/compose.yaml with what it made.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './lib/addon.mjs';
import { prepare } from './lib/prepare.mjs';
import { jestCounts } from './lib/reports.mjs';

prepare(['libhiredis-dev', 'openssl', 'redis-server', 'nginx-light', 'curl']);

const report = join(root, 'build/image.json');
const jest = join(root, 'node_modules/jest/bin/jest.js');
const config = join(root, 'test/image/jest.config.js');
const args = [jest, '--config', config, '--json', `--outputFile=${report}`];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
const { passed, failed } = jestCounts(report, status === 0, false);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
