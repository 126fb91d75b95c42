import { readStore, type StoreTarget } from '../stores/option';
import { shownId } from '../base/text';
import { optionsOf, type StoreFlags } from './open';
import { UsageError } from './usage';
import { say, sayJson } from './text';

/** Makes the tables of the configured store, or brings them to this version. */
export async function migrate(flags: StoreFlags): Promise<number> {
  const { store, redis } = await optionsOf(flags);
  if (store === undefined && redis === undefined) {
    throw new UsageError('No store is named. Write a spillway.config.mjs, or name one with --config.');
  }
  const done: string[] = [];
  let code = 0;
  for (const target of membersOf(readStore(store, redis))) {
    if (target.kind !== 'custom' || target.custom.migrate === undefined) continue;
    const { name } = target.custom;
    try {
      await target.custom.migrate();
      done.push(name);
      if (flags.json !== true) say(`${name}: is up to date.`);
    } catch (error) {
      code = 1;
      const why = shownId(error instanceof Error ? error.message || error.name : String(error));
      process.stderr.write(`spillway: ${name}: ${why}\n`);
    }
  }
  if (flags.json === true) sayJson({ migrated: done });
  else if (done.length === 0 && code === 0) say('This store needs no migration.');
  return code;
}

const membersOf = (target: StoreTarget) => (target.kind === 'failover' ? target.members : [target]);
