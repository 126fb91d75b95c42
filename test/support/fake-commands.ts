import { array, bulk, error, integer, nil, ok } from './resp';

interface Entry {
  value: string;
  /** In milliseconds since the epoch; absent: without expiry. */
  expiresAt?: number;
}

/** What one connection has told the server about itself. */
export interface Session {
  authenticated: boolean;
  name: string;
  db: number;
}

export interface FakeOptions {
  username?: string;
  password?: string;
  /** What INFO says; default 7.0.15. */
  version?: string;
}

/** The few commands that the client needs, on a table in memory: what a fake answers where no test says otherwise. */
export class FakeCommands {
  readonly entries = new Map<string, Entry>();

  constructor(private readonly options: FakeOptions) {}

  answer(command: string[], session: Session): string {
    const [name = '', ...args] = command;
    const known = this.commands[name.toUpperCase()];
    if (name.toUpperCase() === 'AUTH') return this.authenticate(args, session);
    if (!session.authenticated) return error('NOAUTH Authentication required.');
    if (known === undefined) return error(`ERR unknown command '${name}'`);
    return known(args, session);
  }

  private authenticate(args: string[], session: Session): string {
    const { username = 'default', password } = this.options;
    const [user, secret] = args.length > 1 ? args : ['default', args[0]];
    if (password === undefined) return error('ERR AUTH called without any password configured');
    if (user !== username || secret !== password) {
      return error('WRONGPASS invalid username-password pair or user is disabled.');
    }
    session.authenticated = true;
    return ok;
  }

  private live(key = ''): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry?.expiresAt === undefined || entry.expiresAt >= Date.now()) return entry;
    this.entries.delete(key);
    return undefined;
  }

  private add(key: string, amount: number): string {
    const entry = this.live(key) ?? { value: '0' };
    const sum = Number(entry.value) + amount;
    if (!Number.isInteger(sum)) return error('ERR value is not an integer or out of range');
    this.entries.set(key, { ...entry, value: String(sum) });
    return integer(sum);
  }

  private expire(key: string, ms: number, mode = ''): string {
    const entry = this.live(key);
    if (entry === undefined || (/nx/i.test(mode) && entry.expiresAt !== undefined)) return integer(0);
    entry.expiresAt = Date.now() + ms;
    return integer(1);
  }

  /** INCREX key BYINT n UBOUND most PX ms ENX, as of Redis 8.8: all of it or nothing, and then the key is left alone. */
  private increx([key = '', ...options]: string[]): string {
    const after = (name: string) => Number(options[options.indexOf(name) + 1]);
    const before = Number(this.live(key)?.value ?? '0');
    if (!Number.isInteger(before)) return error('ERR value is not an integer or out of range');
    const sum = before + after('BYINT');
    if (sum > after('UBOUND')) return array(integer(before), integer(0));
    this.add(key, after('BYINT'));
    this.expire(key, after('PX'), options.includes('ENX') ? 'NX' : '');
    return array(integer(sum), integer(after('BYINT')));
  }

  private readonly commands: Record<string, (args: string[], session: Session) => string> = {
    PING: () => '+PONG\r\n',
    INFO: ([section]) =>
      section?.toLowerCase() === 'memory'
        ? bulk('# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n')
        : bulk(`# Server\r\nredis_version:${this.options.version ?? '7.0.15'}\r\nredis_mode:standalone\r\n`),
    CLIENT: ([, name = ''], session) => {
      session.name = name;
      return ok;
    },
    SELECT: ([db], session) => {
      session.db = Number(db);
      return ok;
    },
    ROLE: () => array(bulk('master'), integer(0), array()),
    TIME: () => {
      const now = Date.now();
      return array(bulk(String(Math.floor(now / 1000))), bulk(String((now % 1000) * 1000)));
    },
    INCR: ([key = '']) => this.add(key, 1),
    INCRBY: ([key = '', amount]) => this.add(key, Number(amount)),
    INCREX: (args) =>
      Number.parseFloat(this.options.version ?? '7') >= 8.8
        ? this.increx(args)
        : error(`ERR unknown command 'INCREX', with args beginning with: '${args[0]}'`),
    PEXPIRE: ([key = '', ms, mode]) => this.expire(key, Number(ms), mode),
    PEXPIRETIME: ([key]) => {
      const entry = this.live(key);
      return integer(entry === undefined ? -2 : (entry.expiresAt ?? -1));
    },
    PTTL: ([key]) => {
      const entry = this.live(key);
      return integer(
        entry === undefined ? -2 : entry.expiresAt === undefined ? -1 : entry.expiresAt - Date.now(),
      );
    },
    PERSIST: ([key]) => {
      const entry = this.live(key);
      if (entry?.expiresAt === undefined) return integer(0);
      delete entry.expiresAt;
      return integer(1);
    },
    GET: ([key]) => {
      const entry = this.live(key);
      return entry === undefined ? nil : bulk(entry.value);
    },
    DEL: (keys) => integer(keys.filter((key) => this.live(key) && this.entries.delete(key)).length),
    UNLINK: (keys) => integer(keys.filter((key) => this.live(key) && this.entries.delete(key)).length),
    // No Lua in here: a test that lets the client use scripts says what they answer.
    EVALSHA: () => error('NOSCRIPT No matching script. Please use EVAL.'),
    EVAL: () => error('ERR this fake runs no scripts'),
  };
}
