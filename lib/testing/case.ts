import { Stage } from './stage';
import type { ConformanceCase, OptionalMethod } from './types';

/** Makes a case. */
export function promise(
  name: string,
  needs: readonly OptionalMethod[],
  keep: (stage: Stage) => Promise<void>,
): ConformanceCase {
  return {
    name,
    needs,
    async run(open) {
      const stage = await Stage.open(open);
      try {
        await keep(stage);
      } finally {
        await stage.close();
      }
    },
  };
}
