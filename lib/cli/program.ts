import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { check, type CheckFlags } from './check';
import { bench, type BenchFlags } from './bench';
import { changes } from './changes';
import { checkConfig } from './config';
import { dashboard, type DashboardFlags } from './dashboard';
import { health, type HealthFlags } from './health';
import { migrate } from './migrate';
import { override, overrides, type OverrideFlags } from './override';
import { selftest } from './selftest';
import { serve } from './serve';
import type { ServeFlags } from '../serve/configuration';
import { top, type TopFlags } from './top';
import { VERSION } from '../base/version';
import type { StoreFlags } from './open';
import { block, list, reset, status, type KeyFlags, type ListFlags } from './keys';
import { UsageError } from './usage';

const BY = ['--by <name>', 'who does it, for the audit; default: the name of the user'] as const;

const EXAMPLES = `
Where the store is: --redis, or spillway.config.mjs or .json in this folder, or REDIS_URL (and REDIS_PASSWORD).

Examples:
  $ spillway health --verbose
  $ spillway list --kind ip --match '203.0.113.*'
  $ spillway status org-123
  $ spillway block 203.0.113.9 1h --kind ip
  $ spillway check org-123 --plan FREE -n 20`;

/** Runs one command line. @returns its exit code: 0, 1 where it failed or found something unhealthy, 2 for how it was called */
export async function run(args: readonly string[]): Promise<number> {
  let code = 0;
  const program = programOf((done) => (code = done));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads has had enough: `| head`.
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    // Also of the copies of its class that the command's own modules have.
    const isKnown = error instanceof Error && error.name === 'RateLimitError';
    if (!(error instanceof UsageError) && !isKnown) throw error;
    process.stderr.write(`spillway: ${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function programOf(end: (code: number) => void): Command {
  const program = new Command('spillway')
    .description('Who is limited, and what to do about it.')
    .version(VERSION)
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .showHelpAfterError('(spillway --help shows all commands)');
  const command = (usage: string, description: string) =>
    program.command(usage).description(description).option('--json', 'JSON instead of text');
  const onStore = (usage: string, description: string) =>
    command(usage, description)
      .option('-c, --config <file>', 'configuration file')
      .option('--redis <url>', 'Redis instead of the configured store')
      .option('--prefix <text>', 'what stands in front of keys');
  const ofKind = (usage: string, description: string) =>
    onStore(usage, description).option('--kind <kind>', 'organization, user, ip, key or custom');
  const ofRule = (usage: string, description: string) =>
    ofKind(usage, description).option('--rule <id>', 'what this rule counts alone');

  onStore('health', 'asks the store to count; exit code 1 where it does not')
    .option('-v, --verbose', 'counters, too')
    .action(async (flags: HealthFlags) => end(await health(flags)));
  ofRule('list', 'what is counted, as it comes')
    .option('--match <glob>', 'keys of this form, such as org-*')
    .option('--limit <number>', 'at most so many', wholeNumber)
    .action(async (flags: ListFlags) => end(await list(flags)));
  ofRule('status <key>', 'what is counted for one subject; counts nothing').action(
    async (key: string, flags: KeyFlags) => end(await status(key, flags)),
  );
  ofRule('reset <key>', 'forgets what is counted for one subject, blocks included')
    .option(...BY)
    .action(async (key: string, flags: KeyFlags) => end(await reset(key, flags)));
  ofKind('block <key> <time>', 'denies one subject for so long: 90s, 15m, 1h, 2d')
    .option(...BY)
    .action(async (key: string, time: string, flags: KeyFlags) => end(await block(key, time, flags)));
  onStore('check <key>', 'tries a limit with real checks, which are counted')
    .option('--plan <name>', 'the plan, where there are plans')
    .option('-n, --count <number>', 'so many checks', wholeNumber, 1)
    .option('--cost <number>', 'units of each', wholeNumber, 1)
    .action(async (key: string, flags: CheckFlags) => end(await check(key, flags)));
  ofRule('override <key> [limit]', 'other limits for one subject in the whole fleet: 2x, 500/h, unlimited')
    .option('--for <time>', 'ends by itself: 90s, 15m, 1h, 2d')
    .option('--remove', 'ends it now')
    .option(...BY)
    .action(async (key: string, limit: string | undefined, flags: OverrideFlags) =>
      end(await override(key, limit, flags)),
    );
  onStore('changes', 'who changed what by hand, the newest in front').action(async (flags: StoreFlags) =>
    end(await changes(flags)),
  );
  onStore('overrides', 'all overrides and plans that the fleet shares').action(async (flags: StoreFlags) =>
    end(await overrides(flags)),
  );
  ofRule('top', 'who is limited now, the most limited in front; live on a terminal')
    .option('--limit <number>', 'so many', wholeNumber, 20)
    .option('--every <time>', 'looks again after', '2s')
    .option('--once', 'looks once')
    .action(async (flags: TopFlags) => end(await top(flags)));
  onStore('dashboard', 'a page with all of it, on this machine alone')
    .option('--port <number>', 'where it listens; 0: any that is free', portNumber, 8_420)
    .option(...BY)
    .action(async (flags: DashboardFlags) => end(await dashboard(flags)));
  onStore('migrate', 'makes the tables of the store, or brings them to this version').action(
    async (flags: StoreFlags) => end(await migrate(flags)),
  );
  onStore('selftest', 'plays the promises on the store, under keys of its own').action(
    async (flags: StoreFlags) => end(await selftest(flags)),
  );
  onStore('bench', 'loads the store with checks of its own')
    .option('--for <time>', 'so long', '5s')
    .option('--in-flight <number>', 'checks at a time', wholeNumber, 256)
    .option('--keys <number>', 'keys', wholeNumber, 1_000)
    .action(async (flags: BenchFlags) => end(await bench(flags)));
  program
    .command('serve')
    .description('a service that answers checks over HTTP, for programs in any language; needs fastify')
    .option('-c, --config <file>', 'configuration file; SIGHUP reads it anew')
    .option('--redis <url>', 'Redis instead of the configured store')
    .option('--prefix <text>', 'what stands in front of keys')
    .option('--host <host>', 'where it listens; default 127.0.0.1')
    .option('--port <number>', 'default: PORT, or 8080', portNumber)
    .action(async (flags: ServeFlags) => end(await serve(flags)));
  const config = program.command('config').description('configuration files');
  config
    .command('check [file]')
    .description('reads a file as the library does, and says what is wrong')
    .option('--json', 'JSON instead of text')
    .action(async (file: string | undefined, flags: { json?: boolean }) =>
      end(await checkConfig(file, flags)),
    );
  return program;
}

function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It must be a number from 0 to 65535.');
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1.');
}
