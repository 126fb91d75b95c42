/** Where a limiter's configuration is looked for in a folder, in this order. */
export const CONFIG_FILES = ['spillway.config.mjs', 'spillway.config.json'] as const;
