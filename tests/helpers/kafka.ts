// A private Kafka for a test: the mock cluster of librdkafka, which runs inside a kcat that also reads what is written;
// and a peer before its brokers that does what the mock does not: TLS, a login, limits, refusals, an outage.
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { findServer } from "../tools/setup.ts";
import type { Certificate } from "./certificates.ts";
import { waitFor } from "./wait_for.ts";

/** A message as a consumer gets it. */
export interface Message {
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  readonly headers: readonly string[];
}

/** Starts a cluster of three brokers with a topic of four partitions; resolves when it can be read from. */
export async function startKafka(topic: string): Promise<Kafka> {
  const kafka = new Kafka(topic);
  try {
    await waitFor("Kafka to be ready", () => kafka.isReady, { timeoutMs: 30_000 });
    return kafka;
  } catch (error) {
    await kafka[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running cluster. Disposing it kills it. */
export class Kafka implements AsyncDisposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "kafka-" });
  readonly #child: Deno.ChildProcess;

  constructor(topic: string) {
    const kcat = [findServer("kcat"), "-C", "-b", "none", "-t", topic, "-o", "beginning", "-J", "-u"];
    this.#child = new Deno.Command("sh", {
      args: ["-c", 'exec "$@" >out 2>err', "sh", ...kcat, "-X", "test.mock.num.brokers=3"],
      cwd: this.#directory,
      stdin: "null",
    }).spawn();
  }

  #read(name: string): string {
    try {
      return Deno.readTextFileSync(`${this.#directory}/${name}`);
    } catch {
      return "";
    }
  }

  /** `host:port` of its brokers, once it is ready. */
  get brokers(): string[] {
    return /replaced with (\S+)/.exec(this.#read("err"))?.[1]?.split(",") ?? [];
  }

  get isReady(): boolean {
    return this.brokers.length === 3 &&
      [0, 1, 2, 3].every((one) => this.#read("err").includes(`[${one}] at offset`));
  }

  /** All that was written so far, as soon as there are so many messages. */
  async messages(count = 0): Promise<Message[]> {
    return await waitFor(`${count} messages`, () => {
      const found = this.#read("out").split("\n").slice(0, -1).map((line) => {
        const { partition, key, payload, headers } = JSON.parse(line);
        return { partition, key, value: payload, headers };
      });
      return found.length >= count && found;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** What the peer does beside forwarding. */
export interface PeerOptions {
  readonly tls?: Certificate & { readonly clientCa?: string };
  /** It demands SASL/PLAIN with this login. */
  readonly login?: string;
  /** The mechanism that it offers, where that is not PLAIN. */
  readonly mechanism?: string;
}

/** Starts a peer before each broker. */
export async function startKafkaPeer(kafka: Kafka, options: PeerOptions = {}): Promise<KafkaPeer> {
  const peer = new KafkaPeer(kafka.brokers, options);
  await peer.accept();
  return peer;
}

const keys = { produce: 0, metadata: 3, saslHandshake: 17, apiVersions: 18, saslAuthenticate: 36 };
/** Errors of the protocol. */
export const errors = {
  unknownTopic: 3,
  tooLarge: 10,
  notEnoughReplicas: 19,
  unauthorizedTopic: 29,
  login: 58,
};

/** Proxies, one for each broker, which name themselves where the brokers name themselves. */
export class KafkaPeer implements AsyncDisposable {
  /** Maximum bytes of what is written to a partition in one request. */
  maxBytes = Infinity;
  /** The error that it answers when it is asked about a topic. */
  metadataError = 0;
  /** The error that it answers to what is written. */
  produceError = 0;
  /** How many requests to write came. */
  produced = 0;
  /** It answers nothing that is written. */
  isSilent = false;
  readonly #targets: readonly number[];
  readonly #ports: number[] = [];
  #servers: Server[] = [];
  readonly #links = new Set<Socket>();

  constructor(brokers: readonly string[], readonly options: PeerOptions) {
    this.#targets = brokers.map((broker) => Number(broker.split(":")[1]));
  }

  /** What a client is to be given. */
  get brokers(): string {
    return this.#ports.map((port) => `127.0.0.1:${port}`).join(",");
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Listens, again on the same ports. */
  async accept(): Promise<void> {
    const { tls } = this.options;
    for (const [index, target] of this.#targets.entries()) {
      const take = (client: Socket) => {
        this.#links.add(client);
        client.on("close", () => this.#links.delete(client));
        new Link(this, client, target);
      };
      const server = tls === undefined ? createServer(take) : createTlsServer({
        cert: Deno.readTextFileSync(tls.cert),
        key: Deno.readTextFileSync(tls.key),
        ...(tls.clientCa !== undefined &&
          { ca: Deno.readTextFileSync(tls.clientCa), requestCert: true, rejectUnauthorized: true }),
      }, take);
      server.on("tlsClientError", () => {});
      server.listen(this.#ports[index] ?? 0, "127.0.0.1");
      await once(server, "listening");
      this.#ports[index] = (server.address() as AddressInfo).port;
      this.#servers.push(server);
    }
  }

  /** Ends all connections and takes no new ones. */
  async refuse(): Promise<void> {
    const closed = this.#servers.map((server) => once(server, "close"));
    for (const server of this.#servers) server.close();
    for (const client of this.#links) client.destroy();
    await Promise.all(closed);
    this.#servers = [];
  }

  /** Puts its own ports where brokers name theirs. */
  port(target: number): number {
    return this.#ports[this.#targets.indexOf(target)]!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.refuse();
  }
}

/** One connection. */
class Link {
  readonly #broker: Socket;
  /** What was asked, by correlation id. */
  readonly #asked = new Map<number, number>();
  #isLoggedIn: boolean;

  constructor(readonly peer: KafkaPeer, readonly client: Socket, target: number) {
    this.#isLoggedIn = peer.options.login === undefined;
    this.#broker = connect(target, "127.0.0.1");
    frames(client, (frame) => this.#ofClient(frame));
    frames(this.#broker, (frame) => this.client.write(withSize(this.#ofBroker(frame))));
    for (const [one, other] of [[client, this.#broker], [this.#broker, client]] as const) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  }

  #ofClient(frame: Buffer): void {
    const key = frame.readInt16BE(0);
    const id = frame.readInt32BE(4);
    // Body of a request: after the client's id.
    const body = frame.subarray(10 + frame.readInt16BE(8));
    if (key === keys.saslHandshake) return this.#answer(id, this.#handshake(body));
    if (key === keys.saslAuthenticate) return this.#answer(id, this.#authenticate(body));
    if (!this.#isLoggedIn && key !== keys.apiVersions) return void this.client.destroy();
    if (key === keys.produce) {
      this.peer.produced++;
      if (this.peer.isSilent) return;
      const refused = this.#refusal(body);
      if (refused !== undefined) return this.#answer(id, refused);
    }
    this.#asked.set(id, key);
    this.#broker.write(withSize(frame));
  }

  #answer(id: number, body: Buffer): void {
    this.client.write(withSize(Buffer.concat([int32(id), body])));
  }

  #ofBroker(frame: Buffer): Buffer {
    const id = frame.readInt32BE(0);
    const key = this.#asked.get(id);
    this.#asked.delete(id);
    if (key === keys.apiVersions) return this.#withLogin(frame);
    return key === keys.metadata ? this.#withPorts(frame) : frame;
  }

  /** Answers to ApiVersions 0 to 2: an error, and an array of keys with versions. */
  #withLogin(frame: Buffer): Buffer {
    if (this.peer.options.login === undefined || frame.readInt16BE(4) !== 0) return frame;
    const end = 10 + 6 * frame.readInt32BE(6);
    const more = [[keys.saslHandshake, 0, 1], [keys.saslAuthenticate, 0, 0]].flat().map(int16);
    const count = int32(frame.readInt32BE(6) + 2);
    return Buffer.concat([
      frame.subarray(0, 6),
      count,
      frame.subarray(10, end),
      ...more,
      frame.subarray(end),
    ]);
  }

  /** Metadata 2: brokers (id, host, port, rack), the cluster's id, its controller, topics (error, name, …). */
  #withPorts(frame: Buffer): Buffer {
    let at = 8;
    for (let left = frame.readInt32BE(4); left > 0; left--) {
      at += 4;
      at += 2 + frame.readInt16BE(at);
      frame.writeInt32BE(this.peer.port(frame.readInt32BE(at)), at);
      at += 4;
      at += 2 + Math.max(0, frame.readInt16BE(at));
    }
    at += 2 + Math.max(0, frame.readInt16BE(at)) + 4;
    if (frame.readInt32BE(at) > 0 && this.peer.metadataError !== 0) {
      frame.writeInt16BE(this.peer.metadataError, at + 4);
    }
    return frame;
  }

  /** Produce 7: transaction's id, acks, timeout, topics (name, partitions (number, records)). One topic is enough. */
  #refusal(body: Buffer): Buffer | undefined {
    let at = 2 + 2 + 4 + 4;
    const topic = body.subarray(at, at += 2 + body.readInt16BE(at));
    const partitions: { number: number; size: number }[] = [];
    const count = body.readInt32BE(at);
    at += 4;
    for (let left = count; left > 0; left--) {
      const size = body.readInt32BE(at + 4);
      partitions.push({ number: body.readInt32BE(at), size });
      at += 8 + size;
    }
    const { maxBytes, produceError } = this.peer;
    const isTooLarge = partitions.some(({ size }) => size > maxBytes);
    if (!isTooLarge && produceError === 0) return undefined;
    // None of it is stored: what is not too large itself could not be stored with it.
    const answers = partitions.map(({ number, size }) => {
      const error = produceError || (size > maxBytes ? errors.tooLarge : errors.notEnoughReplicas);
      return Buffer.concat([int32(number), int16(error), Buffer.alloc(24, 0xff)]);
    });
    return Buffer.concat([int32(1), topic, int32(answers.length), ...answers, int32(0)]);
  }

  #handshake(body: Buffer): Buffer {
    const { mechanism = "PLAIN" } = this.peer.options;
    const asked = body.toString("utf8", 2, 2 + body.readInt16BE(0));
    return Buffer.concat([int16(asked === mechanism ? 0 : 33), int32(1), string(mechanism)]);
  }

  #authenticate(body: Buffer): Buffer {
    const [, user, password] = body.toString("utf8", 4, 4 + body.readInt32BE(0)).split("\0");
    this.#isLoggedIn = `${user}:${password}` === this.peer.options.login;
    return this.#isLoggedIn ? Buffer.concat([int16(0), int16(-1), int32(0)]) : Buffer.concat([
      int16(errors.login),
      string("Authentication failed: Invalid username or password"),
      int32(0),
    ]);
  }
}

/** Calls back with each frame: what follows its size. */
function frames(socket: Socket, take: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      const frame = rest.subarray(4, end);
      rest = rest.subarray(end);
      take(frame);
    }
  });
}

function withSize(frame: Buffer): Buffer {
  return Buffer.concat([int32(frame.length), frame]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(text: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);
}
