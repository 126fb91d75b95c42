import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { withSpillway } from 'spillway/next';

interface Config {
  reactStrictMode?: boolean;
  serverExternalPackages?: string[];
}

test('an object gets the package into its list, once, and stays as it was', () => {
  const given: Config = { reactStrictMode: true, serverExternalPackages: ['sharp'] };
  const config = withSpillway(given);
  expect(config).toEqual({ reactStrictMode: true, serverExternalPackages: ['sharp', 'spillway'] });
  expect(given.serverExternalPackages).toEqual(['sharp']);
  expect(withSpillway(config)).toEqual(config);
  expect(withSpillway()).toEqual({ serverExternalPackages: ['spillway'] });
});

test('a function keeps its arguments, and may answer a promise', async () => {
  const sync = withSpillway((phase: string, { defaultConfig }: { defaultConfig: Config }): Config => ({
    ...defaultConfig,
    reactStrictMode: phase === 'build',
  }));
  expect(sync('build', { defaultConfig: { serverExternalPackages: ['sharp'] } })).toEqual({
    reactStrictMode: true,
    serverExternalPackages: ['sharp', 'spillway'],
  });
  const later = withSpillway(() => Promise.resolve<Config>({}));
  expect(await later()).toEqual({ serverExternalPackages: ['spillway'] });
  expect(await withSpillway(Promise.resolve<Config>({}))).toEqual({ serverExternalPackages: ['spillway'] });
});

describe('without a binary', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-config-'));
  beforeAll(() => {
    for (const name of [
      'dist',
      'package.json',
      'node_modules/ipaddr.js',
      'node_modules/structured-headers',
    ]) {
      cpSync(join(__dirname, '..', name), join(folder, name), { recursive: true });
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const told = (before: string, use: string) =>
    execFileSync(
      process.execPath,
      [
        '-e',
        `${before}; const s = require('./dist/index.js'); const n = require('./dist/next/index.js'); ${use}`,
      ],
      { cwd: folder, encoding: 'utf8' },
    );
  const configure = 'try { n.withSpillway({}) } catch (error) { console.log(error.code, error.message) }';

  test('the configuration says how to install it', () => {
    expect(told('', configure)).toMatch(
      /^ERR_NO_BINARY The native part of spillway is not installed for \w+-\w+\. Run "npm rebuild spillway"/,
    );
  });

  test('or that there is none for the platform', () => {
    const pretend = "Object.defineProperty(process, 'arch', { value: 's390x' })";
    expect(told(pretend, configure)).toMatch(
      /^ERR_NO_BINARY spillway has no binary for \w+-s390x; it runs on Linux with glibc and on macOS, x64 and arm64\./,
    );
  });
});
