/** Asks until it is refused so. */
export async function refused(so: RegExp, ask: (turn: number) => Promise<unknown>): Promise<void> {
  let other: unknown;
  for (let turn = 0; turn < 1_000; turn++) {
    try {
      await ask(turn);
    } catch (error) {
      if (so.test(String(error))) return;
      other = error;
    }
  }
  throw new Error(`nothing was refused with ${so}`, { cause: other });
}
