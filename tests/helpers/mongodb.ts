// A MongoDB as far as a driver that inserts sees one: hello, ping, insert with unique _id and the limit of 16 MB. A real
// one is not packaged. BSON is the driver's own, so that what is stored is what the driver sent.
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { BSON } from "mongodb";

type Document = Record<string, unknown>;

/** Operation codes of the wire protocol. */
const codes = { reply: 1, query: 2004, message: 2013 };

/** Starts one on a free port of 127.0.0.1. */
export async function startMongo(): Promise<Mongo> {
  const mongo = new Mongo();
  await mongo.listen();
  return mongo;
}

/** A running one. */
export class Mongo implements AsyncDisposable {
  /** By `database.collection`: documents by their _id. */
  readonly collections = new Map<string, Map<unknown, Document>>();
  /** The write concerns that clients asked for. */
  readonly writeConcerns: unknown[] = [];
  maxBytes = 16 * 1024 * 1024;
  /** The error that it answers to what is inserted. */
  fails: { readonly code: number; readonly errmsg: string } | undefined;
  /** It answers nothing that is inserted. */
  isSilent = false;
  /** How many inserts came. */
  inserts = 0;
  readonly #clients = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.#clients.add(socket);
    let rest = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 16 && rest.length >= rest.readInt32LE(0)) {
        const size = rest.readInt32LE(0);
        const answer = this.#answer(rest.subarray(0, size));
        rest = rest.subarray(size);
        if (answer !== undefined) socket.write(answer);
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => this.#clients.delete(socket));
  });

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#clients.size;
  }

  /** The documents of a collection. */
  documents(name: string): Document[] {
    return [...this.collections.get(name)?.values() ?? []];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#clients) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(message: Buffer): Buffer | undefined {
    const id = message.readInt32LE(4);
    if (message.readInt32LE(12) === codes.query) {
      const end = message.indexOf(0, 20) + 9;
      const head = Buffer.alloc(20);
      head.writeInt32LE(1, 16);
      return withHeader(
        id,
        codes.reply,
        Buffer.concat([head, BSON.serialize(this.#run(decode(message.subarray(end)))!)]),
      );
    }
    const command: Document = {};
    for (let at = 20; at < message.length;) {
      const kind = message[at++];
      const size = message.readInt32LE(at);
      const section = message.subarray(at, at + size);
      at += size;
      if (kind === 0) Object.assign(command, decode(section));
      else {
        const nameEnd = section.indexOf(0, 4);
        const documents: Document[] = [];
        for (let from = nameEnd + 1; from < section.length; from += section.readInt32LE(from)) {
          documents.push(decode(section.subarray(from, from + section.readInt32LE(from))));
        }
        command[section.toString("utf8", 4, nameEnd)] = documents;
      }
    }
    const answer = this.#run(command);
    return answer && withHeader(id, codes.message, Buffer.concat([Buffer.alloc(5), BSON.serialize(answer)]));
  }

  #run(command: Document): Document | undefined {
    if ("hello" in command || "ismaster" in command || "isMaster" in command) return this.#hello();
    if ("insert" in command) return this.#insert(command);
    if ("saslStart" in command) {
      return { ok: 0, code: 18, codeName: "AuthenticationFailed", errmsg: "Authentication failed." };
    }
    return { ok: 1 };
  }

  #hello(): Document {
    return {
      ismaster: true,
      isWritablePrimary: true,
      helloOk: true,
      maxBsonObjectSize: 16 * 1024 * 1024,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      localTime: new Date(),
      minWireVersion: 0,
      maxWireVersion: 21,
      readOnly: false,
      ok: 1,
    };
  }

  #insert({ insert, $db, documents, writeConcern }: Document): Document | undefined {
    this.inserts++;
    if (this.isSilent) return undefined;
    this.writeConcerns.push(writeConcern);
    const name = `${$db}.${insert}`;
    const collection = this.collections.get(name) ?? new Map<unknown, Document>();
    this.collections.set(name, collection);
    const [document] = documents as [Document];
    const refused = (code: number, errmsg: string, more: Document = {}) => ({
      n: 0,
      writeErrors: [{ index: 0, code, errmsg, ...more }],
      ok: 1,
    });
    if (this.fails?.code === 13) return { ok: 0, ...this.fails };
    if (this.fails !== undefined) return refused(this.fails.code, this.fails.errmsg);
    const size = BSON.calculateObjectSize(document);
    if (size > this.maxBytes) return refused(10334, `object to insert too large. size in bytes: ${size}`);
    if (collection.has(document._id)) {
      return refused(11000, `E11000 duplicate key error collection: ${name} index: _id_`, {
        keyPattern: { _id: 1 },
      });
    }
    collection.set(document._id, document);
    return { n: 1, ok: 1 };
  }
}

function decode(bytes: Uint8Array): Document {
  return BSON.deserialize(bytes, { promoteLongs: false });
}

function withHeader(responseTo: number, code: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt32LE(16 + body.length, 0);
  head.writeInt32LE(1, 4);
  head.writeInt32LE(responseTo, 8);
  head.writeInt32LE(code, 12);
  return Buffer.concat([head, body]);
}
