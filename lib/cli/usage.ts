/** How the command was called is wrong: told to whom typed it, without a stack. */
export class UsageError extends Error {}
