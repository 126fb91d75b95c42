// Taken at the start: timers that a test replaces are not ours to wait for.
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: afterReads } = globalThis;

/** What some work comes to, or undefined where it takes longer. After a blocked turn the answers that have come are read first. */
export function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = startTimer(() => afterReads(() => resolve(undefined)), Math.ceil(ms));
    void work.then((done) => {
      stopTimer(timer);
      resolve(done);
    });
  });
}
