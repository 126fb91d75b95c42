import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createRateLimiter, type AnyLimiter, type RateLimiterOptions } from '../index';
import { invalidOption } from '../base/errors';
import { readConfiguration, type Configuration, type ServeFlags } from './configuration';
import { Desk, Generation } from './desk';
import { withSharedRules } from './fleet';
import { say } from './log';
import { Server } from './server';
import { acceptWaiting, shutDown } from './shutdown';

/** What holds from the start to the end, whatever a reload says. */
const KEPT = ['store', 'redis', 'prefix'] as const;

/** `spillway serve`: a limiter behind HTTP, from its start to its end. */
export class Service {
  private reloading = Promise.resolve();

  private constructor(
    private readonly flags: ServeFlags,
    private readonly started: Configuration,
    private readonly desk: Desk,
    private readonly server: Server,
    /** Where it listens. */
    readonly address: AddressInfo,
  ) {}

  /** @throws RateLimitError `ERR_INVALID_OPTION`, also where nothing can listen there */
  static async start(flags: ServeFlags): Promise<Service> {
    const configuration = await readConfiguration(flags);
    const desk = new Desk(generationOf(configuration, configuration.options));
    const server = new Server(desk);
    await server.app.ready();
    const { host, port } = configuration;
    const address = await listen(server, host, port);
    const { limiter, keys } = desk.current;
    say('info', 'started', {
      ...{ host: address.address, port: address.port, pid: process.pid },
      ...{ ...counts(limiter), keys: keys.count },
    });
    const { store, redis } = configuration.options;
    if (store === undefined && redis === undefined) {
      say('warn', 'own-counts', {
        message: 'No store is named: counts are in this process alone, and end with it. Set REDIS_URL.',
      });
    }
    return new Service(flags, configuration, desk, server, address);
  }

  /** Puts in use what the configuration says now; where that cannot be used, all stays as it was. One after the other. */
  reload(): Promise<void> {
    return (this.reloading = this.reloading.then(() => this.reloadNow()));
  }

  /** Answers what was sent, and ends. */
  async stop(signal: string): Promise<void> {
    const { desk, server } = this;
    const { drainMs, stopMs } = desk.current.settings;
    say('info', 'stopping', { signal, drainMs, stopMs });
    desk.isStopping = true;
    if (drainMs > 0) await delay(drainMs);
    await acceptWaiting(server.app.server, stopMs / 2);
    // Not before nobody listens: who is told that the connection ends would come again, and wait for nobody.
    desk.isClosing = true;
    const cut = await shutDown(server.app.server, stopMs);
    await server.app.close();
    await this.reloading;
    await desk.current.close();
    say(cut === 0 ? 'info' : 'warn', 'stopped', { cut });
  }

  private async reloadNow(): Promise<void> {
    const { desk, started } = this;
    if (desk.isStopping) return;
    try {
      const next = await readConfiguration(this.flags);
      if (next.keys.count === 0 && desk.current.keys.count > 0) {
        throw invalidOption(
          'The last API key is gone, which would open the service. Restart it if that is meant.',
        );
      }
      desk.replace(generationOf(next, withKept(next.options, started.options)));
      const { limiter, keys } = desk.current;
      say('info', 'reloaded', {
        ...counts(limiter),
        keys: keys.count,
        needsRestart: needsRestart(started, next),
      });
    } catch (error) {
      say('error', 'reload-refused', { message: error instanceof Error ? error.message : String(error) });
    }
  }
}

function generationOf({ keys, settings }: Configuration, options: RateLimiterOptions): Generation {
  // For limits that are raised from the dashboard or the command line.
  const { options: all, opened } = withSharedRules(options);
  const limiter: AnyLimiter = createRateLimiter<string, never>(all as never);
  // Opens its store now: before the first call, and before the limiter that it replaces lets go of the same one.
  limiter.health().catch(() => {});
  return new Generation(limiter, keys, settings, opened);
}

function withKept(next: RateLimiterOptions, started: RateLimiterOptions): RateLimiterOptions {
  const options: { [name: string]: unknown } = { ...next };
  for (const name of KEPT) {
    delete options[name];
    if (started[name] !== undefined) options[name] = started[name];
  }
  return options as unknown as RateLimiterOptions;
}

/** By name, what differs from the start and holds from the next one on. A module's store is a new object each time. */
function needsRestart(started: Configuration, next: Configuration): string[] {
  const pairs: [string, unknown, unknown][] = [
    ['redis', started.options.redis, next.options.redis],
    ['prefix', started.options.prefix, next.options.prefix],
    ['serve.host', started.host, next.host],
    ['serve.port', started.port, next.port],
  ];
  return pairs.filter(([, before, now]) => !isDeepStrictEqual(before, now)).map(([name]) => name);
}

function counts(limiter: AnyLimiter): { plans: number; rules: number } {
  const { plans, rules } = limiter.describe();
  return { plans: Object.keys(plans).length, rules: rules.length };
}

const REASONS: { readonly [code: string]: string } = {
  EADDRINUSE: 'something else listens there; choose another with --port',
  EACCES: 'it is not allowed to; ports below 1024 need a privilege',
  EADDRNOTAVAIL: 'this machine has no such address; see --host',
  ENOTFOUND: 'there is no such host; see --host',
};

async function listen({ app }: Server, host: string, port: number): Promise<AddressInfo> {
  const { server } = app;
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw invalidOption(`The service cannot listen on ${host}, port ${port}: ${REASONS[code] ?? code}.`);
  }
  return server.address() as AddressInfo;
}
