/** Where a limiter's configuration is looked for in a folder, in this order. */
export const CONFIG_FILES = ['spillway.config.mjs', 'spillway.config.json'] as const;

/**
 * Under this name the options that were read from a file keep what it says of `spillway serve`: nothing of it is a limiter's, and
 * a copy leaves it behind. A symbol of the registry, since the command has a copy of this module.
 */
export const SERVE: unique symbol = Symbol.for('spillway.serve');
