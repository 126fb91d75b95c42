import { hostname, userInfo } from 'node:os';

/** Who makes a change here, for the audit. */
export function whoAmI(by: string | undefined): { by: string; from: string } {
  return { by: by ?? userName(), from: hostname() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user may have no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
