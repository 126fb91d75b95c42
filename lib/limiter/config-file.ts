import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CONFIG_FILES } from '../base/config-files';
import { invalidOption, RateLimitError, sentence, shown } from '../base/errors';
import { requireObject } from '../base/validate';
import { readJson } from '../rules/file';
import { withNamedRates } from '../rules/file-rates';
import type { RateLimiterOptions } from './option-types';
import { readOptions } from './options';

/**
 * Reads the options of a limiter from one file, for the application and for the command `spillway`:
 * `createRateLimiter(await loadConfig())`. A module (`.mjs`, `.js`) has them as its default export and may have any
 * store; a JSON file has what JSON can say, with names of `namedRates` in the place of rates. All of it is checked here.
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
    const options = chosen.endsWith('.json') ? withNamedRates({ ...given }) : { ...given };
    delete (options as { $schema?: unknown }).$schema;
    readOptions(options);
    return options as RateLimiterOptions;
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    throw invalidOption(`${chosen}: ${error.message}`);
  }
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
      /* webpackIgnore: true */ /* turbopackIgnore: true */ pathToFileURL(path).href
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
