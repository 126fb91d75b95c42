/**
 * One value per process. Next.js evaluates a module of ours once for the proxy, once for each group of routes and again
 * after an edit, so what they share cannot be a variable of a module. (spillway takes care of its own connections.)
 */
export function shared<T>(name: string, make: () => T): T {
  const holder = globalThis as typeof globalThis & { [key: symbol]: unknown };
  return (holder[Symbol.for(`next-app.${name}`)] ??= make()) as T;
}
