import { constants } from 'node:os';
import { outliveReaders } from '../serve/log';
import { Service } from '../serve/service';
import type { ServeFlags } from '../serve/configuration';

/** Serves until a signal ends it. A second one does not wait for what is under way. */
export async function serve(flags: ServeFlags): Promise<number> {
  outliveReaders();
  const starting = Service.start(flags);
  // Also before it has started: the signal would end a process that does not listen to it.
  process.on('SIGHUP', () => void starting.then((service) => service.reload()).catch(() => {}));
  const service = await starting;
  return new Promise((resolve) => {
    let isEnding = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (isEnding) process.exit(128 + constants.signals[signal]);
        isEnding = true;
        void service.stop(signal).then(() => resolve(0));
      });
    }
  });
}
