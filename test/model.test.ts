/**
 * Random sequences of every operation, under limits that change and at moments that are edges, against a plain model.
 * A failure names its seed: SPILLWAY_SEED=<seed> repeats it, SPILLWAY_SEED=random draws a new one.
 */
import { owner } from './support/owned';
import type { Said } from './support/player';
import { draw, random, type Sequence } from './support/sequences';
import { Stage, type Form } from './support/stage';

const given = process.env['SPILLWAY_SEED'] ?? '261749507';
const SEED = given === 'random' ? Date.now() % 1_000_000_007 : Number(given);
const SEQUENCES = 60;
const STEPS = 60;
const APART_MS = 60_000_000;

const own = owner(afterAll);
let stage: Stage;
beforeAll(async () => {
  stage = await own(Stage.open());
});

const algorithms = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const;
const forms: Form[] = ['in process', 'in process, beside another', 'on Redis', 'on Redis, beside another'];
const more = (algorithm: string): Form[] =>
  algorithm === 'fixed-window' ? [...forms, 'on Redis, by scripts alone'] : forms;

/** The first step that differs, with all that led to it. */
function compare(sequences: Sequence[], results: Said[][]): void {
  sequences.forEach(({ steps, expected }, i) => {
    expected.forEach((due, step) => {
      const got = results[i]?.[step] ?? {};
      const differs = Object.entries(due).some(([name, value]) => got[name] !== value);
      if (!differs) return;
      const story = steps
        .slice(0, step + 1)
        .map((one, n) => `${JSON.stringify(one)} ${JSON.stringify(results[i]?.[n])}`);
      throw new Error(
        `seed ${SEED}, sequence ${i}, step ${step}: expected ${JSON.stringify(due)}\n${story.join('\n')}`,
      );
    });
    expect(results[i]).toHaveLength(expected.length);
  });
}

describe.each(algorithms)('%s', (algorithm) => {
  const next = random(SEED + algorithms.indexOf(algorithm));
  const sequences = Array.from({ length: SEQUENCES }, (_, i) => draw(algorithm, next, STEPS, i * APART_MS));

  test.each(more(algorithm))(
    `%s (seed ${SEED})`,
    async (form) => {
      const steps = sequences.map((sequence) => sequence.steps);
      compare(sequences, await stage.play(steps, form));
      await expectExpiries();
    },
    60_000,
  );
});

async function expectExpiries(): Promise<void> {
  for (const key of (await stage.server.command('KEYS', '*')) as string[]) {
    expect([key, await stage.server.command('PTTL', key)]).not.toEqual([key, -1]);
  }
}
