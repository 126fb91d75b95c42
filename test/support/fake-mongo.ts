import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';
import { random } from './sequences';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

interface Kept extends Document {
  _id: string;
}

/** What a server says where it refuses. */
export interface Refusal {
  readonly code: number;
  readonly errmsg?: string;
}

/** What happens to a command instead of its answer: it is refused undone, or it is done and the answer is another or none. */
export type Fault =
  | { readonly refuses: Refusal }
  | { readonly unconfirmed: Refusal }
  /** The connection ends; the command is done before it, or never. */
  | { readonly ends: 'before' | 'after' };

/**
 * As much of a primary of MongoDB as the driver asks here: documents that are matched and written in one step, duplicate keys, and
 * writes that are remembered by their transaction number. Commands wait for a number of turns drawn at random, so they race.
 */
export class FakeMongo {
  readonly documents = new Map<string, Kept>();
  /** Commands on the collection as they came, without those of the handshake. */
  readonly asked: Document[] = [];
  readonly indexes: Document[] = [];
  collectionOptions: Document = {};
  /** Updates and deletes that matched nothing, and inserts that met a document. */
  lost = 0;
  /** Asked for each command on the collection; undefined: none. */
  fault: (command: Document) => Fault | undefined = () => undefined;
  /** No command on the collection is done before. */
  holds: Promise<void> = Promise.resolve();
  private readonly done = new Map<string, Document>();
  private readonly next: (below: number) => number;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    seed: number,
  ) {
    this.next = random(seed);
    server.on('connection', (socket) => this.serve(socket));
  }

  static async start(seed: number): Promise<FakeMongo> {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return new FakeMongo(server, seed);
  }

  get url(): string {
    return `mongodb://${this.address}/app?replicaSet=rs`;
  }

  /** How often it was asked for such a command. */
  count(name: string): number {
    return this.asked.filter((command) => name in command).length;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let unread = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes]);
      while (unread.length >= 4 && unread.length >= unread.readInt32LE(0)) {
        const message = unread.subarray(0, unread.readInt32LE(0));
        unread = unread.subarray(message.length);
        void this.answer(socket, message);
      }
    });
  }

  private async answer(socket: Socket, message: Buffer): Promise<void> {
    const [id, isQuery] = [message.readInt32LE(4), message.readInt32LE(12) === OP_QUERY];
    const command = isQuery ? ofQuery(message) : ofMessage(message);
    if ('hello' in command || 'ismaster' in command) {
      socket.write(isQuery ? asReply(id, this.hello()) : asMessage(id, this.hello()));
      return;
    }
    for (let turns = this.next(4); turns > 0; turns--) await new Promise(setImmediate);
    const isOfCollection = !('ping' in command || 'endSessions' in command);
    if (isOfCollection) {
      this.asked.push(command);
      await this.holds;
    }
    const fault = isOfCollection ? this.fault(command) : undefined;
    let answered: Document | undefined;
    if (fault === undefined) answered = this.once(command);
    else if ('refuses' in fault) answered = { ok: 0, errmsg: 'no', ...fault.refuses };
    else if ('unconfirmed' in fault) {
      answered = { ...this.once(command), writeConcernError: { errmsg: 'no', ...fault.unconfirmed } };
    } else if (fault.ends === 'after') this.once(command);
    for (let turns = this.next(4); turns > 0; turns--) await new Promise(setImmediate);
    if (answered === undefined) socket.destroy();
    else socket.write(asMessage(id, answered));
  }

  private hello(): Document {
    return {
      ...{ ok: 1, isWritablePrimary: true, helloOk: true, setName: 'rs', setVersion: 1, maxWireVersion: 21 },
      ...{ minWireVersion: 0, hosts: [this.address], me: this.address, primary: this.address },
      ...{ maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
      logicalSessionTimeoutMinutes: 30,
    };
  }

  /** A write that comes again with its number is not done again. */
  private once(command: Document): Document {
    const { lsid, txnNumber } = command as { lsid?: { id: BSON.Binary }; txnNumber?: bigint | number };
    if (txnNumber === undefined) return this.act(command);
    const number = `${lsid!.id.toString('hex')} ${String(txnNumber)}`;
    const answered = this.done.get(number) ?? this.act(command);
    this.done.set(number, answered);
    return answered;
  }

  private act(command: Document): Document {
    if ('find' in command) return this.find(command);
    if ('insert' in command) return this.insert((command.documents as Kept[])[0]!);
    if ('update' in command) return this.update((command.updates as Document[])[0]!);
    if ('delete' in command) return this.delete((command.deletes as Document[])[0]!);
    if ('createIndexes' in command) {
      this.indexes.push(...(command.indexes as Document[]));
      return { ok: 1 };
    }
    if ('listCollections' in command) {
      const firstBatch = [{ name: 'limits', type: 'collection', options: this.collectionOptions }];
      return { ok: 1, cursor: { id: BSON.Long.ZERO, ns: 'app.$cmd.listCollections', firstBatch } };
    }
    return { ok: 1 };
  }

  private find({ filter, limit, projection }: Document): Document {
    const { _id } = filter as { _id: string | { $gt?: string; $gte?: string } };
    const isMeant = (key: string) =>
      typeof _id === 'string' ? key === _id : _id.$gt === undefined ? key >= _id.$gte! : key > _id.$gt;
    const keys = [...this.documents.keys()].filter(isMeant).sort();
    const firstBatch = keys.slice(0, (limit as number) || undefined).map((key) => {
      const one = this.documents.get(key)!;
      const named = Object.entries(projection as Document).filter(([, shown]) => shown === 1);
      return Object.fromEntries(named.filter(([name]) => name in one).map(([name]) => [name, one[name]]));
    });
    return { ok: 1, cursor: { id: BSON.Long.ZERO, ns: 'app.limits', firstBatch } };
  }

  private insert(document: Kept): Document {
    if (this.documents.has(document._id)) {
      this.lost++;
      return {
        ok: 1,
        n: 0,
        writeErrors: [{ index: 0, code: 11000, errmsg: `E11000 dup key: ${document._id}` }],
      };
    }
    this.documents.set(document._id, document);
    return { ok: 1, n: 1 };
  }

  private update({ q, u }: Document): Document {
    const found = this.matched(q as Kept);
    if (found !== undefined) Object.assign(found, (u as { $set: Document }).$set);
    return { ok: 1, n: Number(found !== undefined), nModified: Number(found !== undefined) };
  }

  private delete({ q }: Document): Document {
    const found = this.matched(q as Kept);
    if (found !== undefined) this.documents.delete(found._id);
    return { ok: 1, n: Number(found !== undefined) };
  }

  private matched(filter: Kept): Kept | undefined {
    const one = this.documents.get(filter._id);
    if (one !== undefined && Object.entries(filter).every(([name, value]) => one[name] === value)) return one;
    this.lost++;
    return undefined;
  }
}

function ofQuery(message: Buffer): Document {
  const name = message.indexOf(0, 20);
  return BSON.deserialize(message.subarray(name + 9));
}

/** A document, and behind it sequences of documents that belong in it by their names. */
function ofMessage(message: Buffer): Document {
  let command: Document = {};
  for (let at = 20; at < message.length;) {
    const kind = message[at++];
    const end = at + message.readInt32LE(at);
    if (kind === 0) command = { ...command, ...BSON.deserialize(message.subarray(at, end)) };
    else {
      const name = message.indexOf(0, at + 4);
      const documents: Document[] = [];
      for (let from = name + 1; from < end;) {
        const until = from + message.readInt32LE(from);
        documents.push(BSON.deserialize(message.subarray(from, until)));
        from = until;
      }
      command[message.toString('utf8', at + 4, name)] = documents;
    }
    at = end;
  }
  return command;
}

const asMessage = (to: number, answered: Document) =>
  framed(to, OP_MSG, Buffer.alloc(5), BSON.serialize(answered));

function asReply(to: number, answered: Document): Buffer {
  const head = Buffer.alloc(20);
  head.writeInt32LE(1, 16);
  return framed(to, OP_REPLY, head, BSON.serialize(answered));
}

function framed(to: number, opcode: number, ...parts: Uint8Array[]): Buffer {
  const head = Buffer.alloc(16);
  const message = Buffer.concat([head, ...parts]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(to, 8);
  message.writeInt32LE(opcode, 12);
  return message;
}
