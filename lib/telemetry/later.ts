// Taken at the start: timers that a test replaces are not ours to wait for.
const { setImmediate: afterAnswers } = globalThis;

/** Of one turn of the loop; listeners that take longer go on in the next, behind the answers that came meanwhile. */
const TURN_MS = 5;
/** What waits holds decisions: beyond this listeners are told of no more. */
const MOST_WAITING = 10_000;

let waiting: (() => void)[] = [];
let next = 0;
let scheduled = false;

/** Runs what answers must not wait for. @returns false where too much waits already: it is left out */
export function later(act: () => void): boolean {
  if (waiting.length - next >= MOST_WAITING) return false;
  waiting.push(act);
  if (!scheduled) {
    scheduled = true;
    afterAnswers(runWaiting);
  }
  return true;
}

function runWaiting(): void {
  const untilMs = performance.now() + TURN_MS;
  do waiting[next++]!();
  while (next < waiting.length && performance.now() < untilMs);
  if (next < waiting.length) {
    afterAnswers(runWaiting);
    return;
  }
  waiting = [];
  next = 0;
  scheduled = false;
}
