// Installs the packed tarball into an empty folder, as a user would, and uses it from both module systems and TypeScript.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './lib/addon.mjs';
import { pack } from './lib/packages.mjs';
import { prepare } from './lib/prepare.mjs';
import { check, close } from './lib/tally.mjs';
import { tsc } from './lib/typescript.mjs';

const USE = `
const { allowed, limit, remaining } = await checkRateLimit('org-123', 'FREE');
const second = memory.checkRateLimit('org-123', 'FREE');
const external = withSpillway({ serverExternalPackages: ['other'] }).serverExternalPackages;
console.log(JSON.stringify({ allowed, limit, remaining, second: second.remaining, external }));
await closeRedisConnection();
`;
// `spillway/memory` shares the table of the process, so its check is the second.
const EXPECTED = { allowed: true, limit: 100, remaining: 99, second: 98, external: ['other', 'spillway'] };
const names = '{ checkRateLimit, closeRedisConnection }';

prepare(['libhiredis-dev']);
const tarball = pack();
const folder = mkdtempSync(join(tmpdir(), 'spillway-package-'));
const env = { ...process.env, REDIS_URL: '' };

function node(file, source) {
  writeFileSync(join(folder, file), source);
  return JSON.parse(execFileSync(process.execPath, [file], { cwd: folder, env, encoding: 'utf8' }));
}

try {
  await check('the tarball installs into an empty folder', () => {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    execFileSync('npm', ['install', '--loglevel=error', tarball], { cwd: folder, env, stdio: 'inherit' });
  });
  // Two versions of OpenSSL in one process would be a hybrid of both: TLS uses the one inside node.
  await check('its binary needs no OpenSSL of the system', () => {
    const name = `prebuilds/${process.platform}-${process.arch}/spillway.node`;
    const binary = join(folder, 'node_modules/spillway', name);
    const [command, ...args] = process.platform === 'darwin' ? ['otool', '-L'] : ['readelf', '--dynamic'];
    const needed = execFileSync(command, [...args, binary], { encoding: 'utf8' });
    assert.match(needed, /libc\.so|libSystem/);
    assert.doesNotMatch(needed, /ssl|crypto/i);
    const wanted = execFileSync('nm', ['-u', ...(process.platform === 'darwin' ? [] : ['-D']), binary], {
      encoding: 'utf8',
    });
    assert.match(wanted, /napi_/);
    assert.doesNotMatch(wanted, /SSL_|X509|EVP_|BIO_/);
  });
  await check('it works from ESM', () => {
    const imports = `import ${names} from 'spillway';\nimport * as memory from 'spillway/memory';\nimport { withSpillway } from 'spillway/next';`;
    assert.deepEqual(node('use.mjs', imports + USE), EXPECTED);
  });
  await check('it works from CommonJS', () => {
    const requires = `const ${names} = require('spillway');\nconst memory = require('spillway/memory');\nconst { withSpillway } = require('spillway/next');`;
    const source = `${requires}\n(async () => {${USE}})();`;
    assert.deepEqual(node('use.cjs', source), EXPECTED);
  });
  await check('the conformance suite runs from it under node:test', () => {
    const source = `import { memoryStore } from 'spillway';
import { storeConformance } from 'spillway/testing';
storeConformance({ name: 'in process', open: () => memoryStore() });
`;
    writeFileSync(join(folder, 'suite.mjs'), source);
    const said = execFileSync(process.execPath, ['suite.mjs'], { cwd: folder, env, encoding: 'utf8' });
    assert.match(said, /^# fail 0$/m);
    assert.match(said, /^# pass 1\d\d$/m);
  });
  await check('its types are found from both', () => {
    const source = `import ${names} from 'spillway';
import { checkRateLimit as inProcess } from 'spillway/memory';
import { healthRoute, withSpillway } from 'spillway/next';
import { customStore, stepAll, type CustomStore } from 'spillway/store';
import { conformanceCases, storeConformance } from 'spillway/testing';
const later: Promise<{ remaining: number }> = checkRateLimit('org-123', 'FREE');
const now: { remaining: number } = inProcess('org-123', 'FREE');
const config: { reactStrictMode: boolean } = withSpillway({ reactStrictMode: true });
const own: CustomStore = {
  name: 'own',
  apply: ({ mode, units, items }) =>
    stepAll({ mode, units, items: items.map(({ rule }) => ({ rule, state: null })) }, 0).map((one) => one.outcome),
  reset: async () => 0,
};
storeConformance({ name: 'own', open: () => customStore(own), without: ['refund'] });
export const all = [later, now, closeRedisConnection, config, healthRoute(), conformanceCases];
`;
    writeFileSync(join(folder, 'types.mts'), source);
    writeFileSync(join(folder, 'types.cts'), source);
    const options = ['--noEmit', '--strict', '--module', 'node16', '--target', 'es2022'];
    execFileSync(process.execPath, [tsc, ...options, 'types.mts', 'types.cts'], {
      cwd: folder,
      stdio: 'inherit',
    });
  });
  await check('the service asks for fastify, and answers once it is there', async () => {
    const bin = join(folder, 'node_modules/.bin/spillway');
    const args = [bin, 'serve', '--port', '0'];
    const without = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' });
    assert.equal(without.status, 1);
    assert.match(without.stderr, /npm install fastify/);
    const { fastify } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies;
    const install = ['install', '--loglevel=error', `fastify@${fastify}`];
    execFileSync('npm', install, { cwd: folder, env, stdio: 'inherit' });
    const service = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(service, 'exit');
    try {
      const [line] = await once(service.stdout.setEncoding('utf8'), 'data');
      const { port } = JSON.parse(line.split('\n', 1)[0]);
      const answer = await fetch(`http://127.0.0.1:${port}/v1/check`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"key":"org-123","plan":"FREE"}',
      });
      assert.equal((await answer.json()).remaining, 99);
    } finally {
      service.kill('SIGTERM');
    }
    assert.deepEqual(await ended, [0, null]);
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
close();
