import type { FileHandle } from 'node:fs/promises';
import { fs } from '../base/lazy';
import { invalidOption, shown } from '../base/errors';
import { refuseSurplus } from '../base/surplus';
import { readInteger, refuseUnknown, requireObject } from '../base/validate';
import { changeLine, decisionLine, lostLine } from './audit-line';
import { readLogger, type Log, type Logger } from './logger';
import type { OnChange, OnDecision } from './observe';

export interface AuditFileOptions {
  /** From this size on lines are left out, and counted, until the file is rotated; default 1 GiB. */
  maxBytes?: number;
  logger?: Logger | false;
}

/** A file of JSON lines: `createRateLimiter({ ..., onDenied: audit.onDecision, onChange: audit.onChange })`. */
export interface AuditFile {
  readonly onDecision: OnDecision;
  readonly onChange: OnChange;
  /** Goes on in a new file of the name, as SIGHUP says. */
  reopen(): Promise<void>;
  /** Lines that were left out since the file was made: too many at once, a full disk, `maxBytes`. */
  readonly lost: number;
  /** Writes what waits, and closes the file. */
  close(): Promise<void>;
}

/** What waits for the disk at most. */
const MOST_WAITING = 4 * 1024 * 1024;
/** After a failure. */
const PAUSE_MS = 1_000;

class JsonLines implements AuditFile {
  private readonly maxBytes: number;
  private readonly log: Log;
  private lines: string[] = [];
  private waitingLength = 0;
  private file: FileHandle | undefined;
  private size = 0;
  /** A full disk, or the end of a process, cut the last line of the file off. */
  private torn = false;
  private reopening = false;
  private closed = false;
  private notBeforeMs = 0;
  /** Since the last line that said so. */
  private untold = 0;
  private running: Promise<void> | undefined;
  lost = 0;

  constructor(
    private readonly path: string,
    options: AuditFileOptions,
  ) {
    if (typeof path !== 'string' || path === '') {
      throw invalidOption(`auditFile takes the path of a file, not ${shown(path)}.`);
    }
    requireObject(options, 'The options of auditFile');
    refuseUnknown(options, ['maxBytes', 'logger'], '');
    this.maxBytes = readInteger(options.maxBytes, 'maxBytes', 2 ** 30, 1_024, Number.MAX_SAFE_INTEGER);
    this.log = readLogger(options.logger);
    process.on('SIGHUP', this.onSignal);
  }

  readonly onDecision: OnDecision = (decision, request) => this.add(decisionLine(decision, request));
  readonly onChange: OnChange = (change) => this.add(changeLine(change));

  reopen(): Promise<void> {
    this.reopening = true;
    return this.run();
  }

  async close(): Promise<void> {
    process.off('SIGHUP', this.onSignal);
    this.closed = true;
    this.notBeforeMs = 0;
    await this.run();
    const { file } = this;
    this.file = undefined;
    await file?.close().catch(() => {});
  }

  private readonly onSignal = () => void this.reopen();

  private add(line: string): void {
    if (this.closed || this.waitingLength + line.length > MOST_WAITING) return this.lose(1);
    this.lines.push(line);
    this.waitingLength += line.length;
    void this.run();
  }

  private lose(lines: number): void {
    this.lost += lines;
    this.untold += lines;
  }

  /** One write at a time, of all that waits by then. */
  private run(): Promise<void> {
    this.running ??= this.write().finally(() => (this.running = undefined));
    return this.running;
  }

  private async write(): Promise<void> {
    while (this.lines.length > 0 || this.reopening) {
      const { lines } = this;
      this.lines = [];
      this.waitingLength = 0;
      if (performance.now() < this.notBeforeMs && !this.reopening) {
        this.lose(lines.length);
        continue;
      }
      try {
        await this.open();
        await this.append(lines);
      } catch (error) {
        this.failed(error, lines.length);
      }
    }
  }

  private async open(): Promise<void> {
    if (this.reopening) {
      this.reopening = false;
      const { file } = this;
      this.file = undefined;
      await file?.close();
    }
    if (this.file !== undefined) return;
    this.file = await openToAppend(this.path);
    this.size = (await this.file.stat()).size;
    this.torn = this.size > 0 && !(await endsLine(this.file, this.size));
  }

  private async append(lines: string[]): Promise<void> {
    if (lines.length === 0) return;
    const told = this.untold;
    const front = (this.torn ? '\n' : '') + (told > 0 ? lostLine(told) : '');
    const text = Buffer.from(front + lines.join(''));
    if (this.size + text.length > this.maxBytes) {
      this.lose(lines.length);
      this.log.once(
        `audit ${this.path}`,
        'The file of the audit has reached maxBytes, and lines are left out. Rotate it, and send SIGHUP.',
        'error',
      );
      return;
    }
    await this.file!.appendFile(text);
    this.size += text.length;
    this.untold -= told;
    this.torn = false;
  }

  private failed(error: unknown, lines: number): void {
    this.lose(lines);
    this.notBeforeMs = performance.now() + PAUSE_MS;
    const { code = 'no reason known' } = error as NodeJS.ErrnoException;
    this.log.once(
      `audit ${this.path} ${code}`,
      `The file of the audit cannot be written (${code}), and lines are left out. Decisions do not depend on it.`,
      'error',
    );
    const { file } = this;
    this.file = undefined;
    file?.close().catch(() => {});
  }
}

/** What is in it names subjects: nobody else reads it. */
async function openToAppend(path: string): Promise<FileHandle> {
  try {
    return await fs().promises.open(path, 'a+', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    return fs().promises.open(path, 'a', 0o600);
  }
}

/** Asked of the file that is open, whatever has its name by now. One that may not be read counts as one that does. */
async function endsLine(file: FileHandle, size: number): Promise<boolean> {
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer.toString() === '\n';
  } catch {
    return true;
  }
}

/**
 * Writes decisions and changes to a file, a line of JSON each, beside the answers. SIGHUP goes on in a new file of the same
 * name, as logrotate expects; while this is open, SIGHUP does not end the process.
 * @throws RateLimitError `ERR_INVALID_OPTION`
 */
export function auditFile(path: string, options: AuditFileOptions = {}): AuditFile {
  if (arguments.length > 2) refuseSurplus('auditFile', 2, arguments);
  return new JsonLines(path, options);
}
