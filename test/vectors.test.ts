/**
 * The same sequences on every store and wire form, through the public API, with a clock that the test sets: the
 * client's process and the server both live in the vectors' time, so every number is exact.
 */
import { owner } from './support/owned';
import type { Said, Step } from './support/player';
import { Stage, type Form } from './support/stage';
import fixedWindow from './vectors/fixed-window.json';
import fixedWindowOperations from './vectors/fixed-window-operations.json';
import slidingLog from './vectors/sliding-log.json';
import slidingWindow from './vectors/sliding-window.json';
import tokenBucket from './vectors/token-bucket.json';

interface Vector {
  name: string;
  /** `moves back`: not for a store that reads a monotonic clock. */
  clock?: string;
  steps: (Step & { expect: Said })[];
}

const files = [
  ['fixed-window', fixedWindow],
  ['fixed-window-operations', fixedWindowOperations],
  ['sliding-window', slidingWindow],
  ['sliding-log', slidingLog],
  ['token-bucket', tokenBucket],
] as [string, Vector[]][];

const own = owner(afterAll);
let stage: Stage;
beforeAll(async () => {
  stage = await own(Stage.open());
});

async function play(chosen: Vector[], form: Form): Promise<Record<string, number>> {
  await stage.server.command('CONFIG', 'RESETSTAT');
  const results = await stage.play(
    chosen.map(({ steps }) => steps),
    form,
  );
  compare(results, chosen, form.startsWith('in process') ? 'memory' : 'redis');
  return stage.server.calls();
}

function expected(vector: Vector, source: string): Said[] {
  return vector.steps.map(({ expect }) => ('allowed' in expect ? { ...expect, source } : expect));
}

function compare(results: Said[][], chosen: Vector[], source: string): void {
  const named = (list: (Said[] | undefined)[]) => chosen.map(({ name }, i) => ({ name, steps: list[i] }));
  expect(named(results)).toEqual(named(chosen.map((vector) => expected(vector, source))));
}

/** By scripts alone. */
const scripted: Form[] = [
  'on Redis, beside another',
  'on an older Redis',
  'on an older Redis, beside another',
];

describe.each(files)('%s', (file, all) => {
  test.each<Form>(['in process', 'in process, beside another'])('%s', async (form) => {
    await play(
      all.filter(({ clock }) => clock === undefined),
      form,
    );
  });

  test('on Redis', async () => {
    const { incr = 0, evalsha = 0 } = await play(all, 'on Redis');
    // A fixed window by plain commands where it can be.
    expect(file === 'fixed-window' ? incr : evalsha).toBeGreaterThan(20);
  });

  test.each<Form>(scripted)('%s', async (form) => {
    const { evalsha = 0 } = await play(all, form);
    expect(evalsha).toBeGreaterThan(20);
  });
});
