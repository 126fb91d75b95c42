import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';

/**
 * A lock that processes of one machine share, and that none of them keeps by dying. It is a symbolic link, because that is
 * made with its content in one step; the content names its holder. The link of a process that is gone is taken away under
 * a lock of its own, by the one who finds it still there.
 */
export function tryLock(path: string): (() => void) | undefined {
  const holder = `${process.pid} ${startOf(process.pid)} ${randomUUID()}`;
  if (made(holder, path)) return () => unlinkSync(path);
  const other = read(path);
  if (other === undefined || isAlive(other)) return undefined;
  const unlock = tryLock(`${path}.steal`);
  if (unlock === undefined) return undefined;
  try {
    if (read(path) === other) unlinkSync(path);
  } finally {
    unlock();
  }
  return undefined;
}

function made(holder: string, path: string): boolean {
  try {
    symlinkSync(holder, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isAlive(holder: string): boolean {
  const [pid, start] = holder.split(' ') as [string, string];
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // The number may be another process's by now.
  return startOf(Number(pid)) === start;
}

/** When a process was started, where the system tells: in clock ticks since the machine was. */
function startOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[19]!;
  } catch {
    return '-';
  }
}
