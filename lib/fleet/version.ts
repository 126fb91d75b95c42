import { crypto } from '../base/lazy';

/** Numbers for people; what follows tells two apart that were written to two servers of a failover. */
export function versionAfter(version: string): string {
  return `${(Number.parseInt(version, 10) || 0) + 1}-${crypto().randomBytes(4).toString('hex')}`;
}
