/**
 * The environment of programs that are not ours: a sanitizer that is meant for the addon is not for them, and some hang under it.
 */
export function foreignEnv(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, LD_PRELOAD: '', ...more };
}
