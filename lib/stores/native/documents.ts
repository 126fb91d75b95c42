import { crypto } from '../../base/lazy';
import { RateLimitError, sentence } from '../../base/errors';
import { Status, unavailable } from '../../decision/status';
import { MOST_SUMS, MOST_TEXT_BYTES, type Addition, type Documents, type Versioned } from '../documents';
import type { Page } from '../listing';

/** A Lua script, as Redis names it. */
interface Script {
  readonly sha1: string;
  readonly source: string;
}

/** Sends a command that is no check: the texts of its reply, or the status that it ended with. */
export type Ask = (
  command: readonly string[],
  source: string,
  key: string,
  timeoutMs: number,
  keepsProcess: boolean,
) => Promise<Page | number>;

/** KEYS version, text; ARGV the version that is meant, the new one, the text. Reply: 1 when it was put there, else 0. */
const COMPARE_AND_SET = `if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
return 1`;

/** KEYS version, text; ARGV the most bytes of a text. Reply: both, empty where there is none or it is larger. */
const READ = `local text = redis.call('GET', KEYS[2]) or ''
if #text > tonumber(ARGV[1]) then text = '' end
return {redis.call('GET', KEYS[1]) or '', text}`;

/** KEYS hashes; ARGV the most fields of one, then of each key: its ms, how many fields, and each one's name and amount. */
const ADD = `local at = 2
local most = tonumber(ARGV[1])
for _, key in ipairs(KEYS) do
local room = most - redis.call('HLEN', key)
local last = at + 2 * ARGV[at + 1]
for i = at + 2, last, 2 do
if redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1]) == tonumber(ARGV[i + 1]) then
room = room - 1
if room < 0 then redis.call('HDEL', key, ARGV[i]) room = 0 end
end
end
redis.call('PEXPIRE', key, ARGV[at])
at = last + 2
end
return 1`;

/** What the user needs for counts, beside the rule for checks. */
const FOR_COUNTS = '+hincrby +hlen +hdel +hgetall';

/** NOPERM, and what a script says that ran into it: of Redis 7.0, and of others. */
const NOT_ALLOWED =
  /^NOPERM|can't run this command|can't access at least one of the keys|has no permissions|ACL failure in script/;

/** A poll that is slower says nothing of the store yet, but the next one is due. */
const POLL_MS = 1_000;
const WRITE_MS = 2_000;

let scripts: { readonly read: Script; readonly compareAndSet: Script; readonly add: Script } | undefined;

/** Made at the first use: most processes need neither. */
function scriptsOf() {
  const named = (source: string) => ({
    source,
    sha1: crypto().createHash('sha1').update(source).digest('hex'),
  });
  return (scripts ??= {
    read: named(READ),
    compareAndSet: named(COMPARE_AND_SET),
    add: named(ADD),
  });
}

/**
 * In Redis, in keys of the prefix that no listing shows: all behind one hash tag, so a cluster has them in one slot, and a
 * script may touch several.
 */
export class RedisDocuments implements Documents {
  private readonly tag: string;

  /** @param lastError what the store says of its last failure */
  constructor(
    prefix: string,
    private readonly ask: Ask,
    private readonly lastError: () => string,
  ) {
    // `%` and no digit: no subject's key begins so.
    this.tag = `{${prefix}%fleet}`;
  }

  async version(name: string): Promise<string> {
    const page = await this.asked(['GET', this.versionKey(name)], '', POLL_MS, false);
    return page.keys[0] ?? '';
  }

  async read(name: string): Promise<Versioned> {
    const { sha1, source } = scriptsOf().read;
    const command = ['EVALSHA', sha1, '2', this.versionKey(name), this.key(name), `${MOST_TEXT_BYTES}`];
    const { keys } = await this.asked(command, source, WRITE_MS, true);
    return { version: keys[0] ?? '', text: keys[1] ?? '' };
  }

  async compareAndSet(name: string, from: string, to: Versioned): Promise<boolean> {
    const { sha1, source } = scriptsOf().compareAndSet;
    const keys = [this.versionKey(name), this.key(name)];
    const command = ['EVALSHA', sha1, '2', ...keys, from, to.version, to.text];
    return (await this.asked(command, source, WRITE_MS, true)).keys[0] === '1';
  }

  async add(additions: readonly Addition[]): Promise<boolean> {
    const { sha1, source } = scriptsOf().add;
    const command = ['EVALSHA', sha1, `${additions.length}`, ...additions.map(({ name }) => this.key(name))];
    command.push(`${MOST_SUMS}`);
    for (const { expiresInMs, amounts } of additions) {
      command.push(`${expiresInMs}`, `${amounts.size}`);
      for (const [field, amount] of amounts) command.push(field, `${amount}`);
    }
    // What is told at the end of a process is waited for.
    const page = await this.ask(command, source, this.tag, WRITE_MS, true);
    if (page === Status.BreakerOpen || page === Status.QueueFull || page === Status.Closed) return false;
    if (typeof page === 'number') throw this.failed(page, WRITE_MS);
    return true;
  }

  sums(names: readonly string[]): Promise<ReadonlyMap<string, number>[]> {
    return Promise.all(
      names.map(async (name) => {
        const { keys } = await this.asked(['HGETALL', this.key(name)], '', WRITE_MS, true);
        const sums = new Map<string, number>();
        for (let i = 0; i + 1 < keys.length; i += 2) sums.set(keys[i]!, Number(keys[i + 1]));
        return sums;
      }),
    );
  }

  private key(name: string): string {
    return `${this.tag}:${name}`;
  }

  private versionKey(name: string): string {
    return `${this.tag}:${name}:version`;
  }

  private async asked(command: string[], source: string, timeoutMs: number, keepsProcess: boolean) {
    const page = await this.ask(command, source, this.tag, timeoutMs, keepsProcess);
    if (typeof page === 'number') throw this.failed(page, timeoutMs);
    return page;
  }

  private failed(status: number, timeoutMs: number): RateLimitError {
    const last = this.lastError();
    if (status !== Status.Refused || !NOT_ALLOWED.test(last)) return unavailable(status, timeoutMs, last);
    return new RateLimitError(
      'ERR_UNAVAILABLE',
      `The user of Redis may not do what shared rules and analytics need: ${sentence(last)} Give it the keys and the commands of docs/redis.md, among them those for analytics: ${FOR_COUNTS}.`,
    );
  }
}
