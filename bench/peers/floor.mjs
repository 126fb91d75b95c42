// What the harness itself costs: promises resolved together, once per turn of the event loop, by nobody at all.
export async function floor() {
  let waiting = [];
  const answer = { allowed: true };
  const flush = () => {
    const ready = waiting;
    waiting = [];
    for (const resolve of ready) resolve(answer);
  };
  return {
    check: () =>
      new Promise((resolve) => {
        if (waiting.push(resolve) === 1) setImmediate(flush);
      }),
    admitted: (result) => result.allowed,
    close: async () => {},
  };
}
