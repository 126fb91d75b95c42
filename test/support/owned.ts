interface Closable {
  close(): unknown;
}

/** Makes a function that takes what a test opens and closes it after that test, newest first, however it ended. */
export function owner(
  after: (close: () => Promise<void>) => void = afterEach,
): <T extends Closable>(opened: T | Promise<T>) => Promise<T> {
  const opened: Closable[] = [];
  after(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });
  return async (one) => {
    const thing = await one;
    opened.push(thing);
    return thing;
  };
}
