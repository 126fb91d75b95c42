// Plays examples/deploy/sentinel without containers, with the example app in front, and loses its master.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './lib/addon.mjs';
import { buildExample } from './lib/example.mjs';
import { prepare } from './lib/prepare.mjs';
import { jestCounts } from './lib/reports.mjs';

prepare(['libhiredis-dev', 'openssl', 'redis-server']);
buildExample();

const report = join(root, 'build/drill.json');
const jest = join(root, 'node_modules/jest/bin/jest.js');
const config = join(root, 'test/drill/jest.config.js');
const args = [jest, '--config', config, '--json', `--outputFile=${report}`];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
const { passed, failed } = jestCounts(report, status === 0, false);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
