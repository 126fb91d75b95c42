import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { invalidOption, RateLimitError, sentence, shown } from '../base/errors';
import type { Rate } from './rate';
import { requireObject } from '../base/validate';
import { compileRules, type RuleOptions } from './compile';
import { withNamedRates } from './file-rates';

/** The options that a file may hold: all of `RuleOptions` but functions. */
export type RulesFile = Omit<RuleOptions, 'plans' | 'rate' | 'rules'> &
  (
    | { plans: NonNullable<RuleOptions['plans']>; rate?: undefined; rules?: RuleOptions['rules'] }
    | { rate: Rate; plans?: undefined; rules?: RuleOptions['rules'] }
    | { rules: NonNullable<RuleOptions['rules']>; plans?: undefined; rate?: undefined }
  );

/**
 * Reads plans and rules from a JSON file, for `createRateLimiter({ redis, ...loadRules('ratelimit.json') })`. Its
 * form is published as `spillway/schema/rules.schema.json`; a `$schema` in the file is for editors. All of it is
 * checked here. In the place of a rate it may have a name of `namedRates`, which is read here, too.
 *
 * With an environment's name, `loadRules('ratelimit.json', process.env.NODE_ENV)`, the file of that environment is
 * read in its place where there is one: `ratelimit.production.json`. It stands for itself; nothing is merged.
 * @throws RateLimitError `ERR_INVALID_OPTION` with the file and the place in it: `ratelimit.json: rules[2].rate: …`
 */
export function loadRules(file: string, environment?: string): RulesFile {
  if (typeof file !== 'string' || file === '') {
    throw invalidOption(
      `file must be the path of a JSON file, such as 'ratelimit.json', not ${shown(file)}.`,
    );
  }
  const chosen = fileOf(file, environment);
  const given = readJson(chosen);
  try {
    requireObject(given, 'the file');
    const options = withNamedRates({ ...given }) as RuleOptions & { $schema?: unknown };
    delete options.$schema;
    compileRules(options);
    return options as RulesFile;
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    throw invalidOption(`${chosen}: ${error.message}`);
  }
}

function fileOf(file: string, environment: string | undefined): string {
  if (environment === undefined || environment === '') return file;
  // The name becomes part of a path, so it must not lead anywhere else.
  if (typeof environment !== 'string' || !/^[\w-]+$/.test(environment)) {
    throw invalidOption('The name of an environment may have letters, digits, _ and - only.');
  }
  const { dir, name, ext } = path.parse(file);
  const own = path.join(dir, `${name}.${environment}${ext}`);
  return existsSync(own) ? own : file;
}

/** @throws RateLimitError `ERR_INVALID_OPTION`, with the file's name */
export function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalidOption(`${file}: the file cannot be read (${code ?? 'no reason known'}).`);
  }
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw invalidOption(
      `${file} is not JSON: ${sentence(error instanceof Error ? error.message : String(error))}`,
    );
  }
}
