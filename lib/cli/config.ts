import { loadConfig } from '../index';
import { settingsOf } from '../serve/configuration';
import { say, sayJson } from './text';

/** Reads a configuration file as the library does. */
export async function checkConfig(file: string | undefined, { json }: { json?: boolean }): Promise<number> {
  const options = await loadConfig(file);
  settingsOf(options);
  const { plans, rate, rules = [] } = options;
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  const counts = { plans: Object.keys(plans ?? {}).length, rules: rules.length, rate: rate !== undefined };
  if (json === true) sayJson({ good: true, ...counts });
  else
    say(
      `Good: ${[counted(counts.plans, 'plan'), counted(counts.rules, 'rule'), ...(counts.rate ? ['one rate'] : [])].join(', ')}.`,
    );
  return 0;
}
