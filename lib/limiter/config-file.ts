import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CONFIG_FILES, SERVE } from '../base/config-files';
import { invalidOption, RateLimitError, sentence, shown } from '../base/errors';
import { requireObject } from '../base/validate';
import { readJson } from '../rules/file';
import { withNamedRates } from '../rules/file-rates';
import type { RateLimiterOptions } from './option-types';
import { readOptions } from './options';

/**
 * Reads the options of a limiter from one file, for the application and for the command `spillway`:
 * `createRateLimiter(await loadConfig())`. A module (`.mjs`, `.js`) has them as its default export and may have any
 * store; a JSON file has what JSON can say, with names of `namedRates` in the place of rates. All of it is checked here, but
 * for `serve`, which is for the command `spillway serve` and no part of what is answered. Called again, a file that was changed
 * meanwhile is read anew.
 * @param file default: the first of `CONFIG_FILES` in the working directory
 * @throws RateLimitError `ERR_INVALID_OPTION` with the file and the place in it
 */
export async function loadConfig(file?: string): Promise<RateLimiterOptions> {
  if (file !== undefined && (typeof file !== 'string' || file === '')) {
    throw invalidOption(`file must be the path of a configuration file, not ${shown(file)}.`);
  }
  const chosen = file ?? CONFIG_FILES.find((name) => existsSync(name));
  if (chosen === undefined) {
    throw invalidOption(`There is no ${CONFIG_FILES.join(' and no ')} in this folder.`);
  }
  const given = chosen.endsWith('.json') ? readJson(chosen) : await readModule(chosen);
  try {
    requireObject(given, 'the configuration');
    const { serve, ...said } = given as { $schema?: unknown; serve?: unknown };
    delete said.$schema;
    const options = chosen.endsWith('.json') ? withNamedRates(said) : said;
    readOptions(options);
    return Object.defineProperty(options, SERVE, { value: serve }) as RateLimiterOptions;
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    throw invalidOption(`${chosen}: ${error.message}`);
  }
}

/** When the modules that were read had been changed last, as they were read first. */
const firstRead = new Map<string, number>();

/** Node.js keeps a module under its URL for ever: one that was changed since it was read first has another. */
function versionOf(path: string): string {
  const { mtimeMs } = statSync(path);
  const first = firstRead.get(path) ?? mtimeMs;
  firstRead.set(path, first);
  return mtimeMs === first ? '' : `?changed=${mtimeMs}`;
}

async function readModule(file: string): Promise<unknown> {
  const path = resolve(file);
  if (!existsSync(path)) throw invalidOption(`${file}: the file cannot be read (ENOENT).`);
  let loaded: { default?: unknown };
  // For this alone: every application loads what stands at the top.
  const { pathToFileURL } = await import('node:url');
  try {
    // Written so that no bundler looks for the file.
    loaded = (await import(
      /* webpackIgnore: true */ /* turbopackIgnore: true */ pathToFileURL(path).href + versionOf(path)
    )) as {
      default?: unknown;
    };
  } catch (error) {
    throw invalidOption(
      `${file} cannot be loaded: ${sentence(error instanceof Error ? error.message : String(error))}`,
    );
  }
  if (loaded.default === undefined) {
    throw invalidOption(`${file} exports nothing as default. Write: export default { plans: … }.`);
  }
  return loaded.default;
}
