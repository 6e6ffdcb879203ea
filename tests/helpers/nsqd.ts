// An nsqd as far as a publisher sees one, with its limits: magic, IDENTIFY, PUB, NOP, heartbeats, errors that end the
// connection. Written after nsqio/nsq, nsqd/protocol_v2.go; nsqd itself is not packaged.
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Starts one on a free port of 127.0.0.1. */
export async function startNsqd(): Promise<Nsqd> {
  const nsqd = new Nsqd();
  await nsqd.listen();
  return nsqd;
}

/** A running one. */
export class Nsqd implements AsyncDisposable {
  /** By topic: what was published. */
  readonly topics = new Map<string, string[]>();
  /** What clients said of themselves. */
  readonly identities: Record<string, unknown>[] = [];
  /** How many heartbeats were answered. */
  heartbeats = 0;
  maxMessageBytes = 1 << 20;
  authRequired = false;
  /** The error with which it answers the next PUB. */
  fails: string | undefined;
  /** It answers nothing. */
  isSilent = false;
  readonly #clients = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.#clients.add(socket);
    new Client(this, socket);
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

  /** Asks every client whether it is there. */
  beat(): void {
    for (const socket of this.#clients) socket.write(frame(0, "_heartbeat_"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#clients) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** One connection. */
class Client {
  #rest = Buffer.alloc(0);
  #greeted = false;
  #identified = false;

  constructor(readonly nsqd: Nsqd, readonly socket: Socket) {
    socket.on("data", (bytes: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      while (!this.socket.destroyed && this.#step());
    });
  }

  /** Takes one command; false where it is not whole yet. */
  #step(): boolean {
    if (!this.#greeted) {
      if (this.#rest.length < 4) return false;
      if (this.#take(4).toString() !== "  V2") return this.#end();
      return this.#greeted = true;
    }
    const end = this.#rest.indexOf("\n");
    if (end < 0) return false;
    const [name, topic = ""] = this.#rest.toString("utf8", 0, end).split(" ");
    if (name === "NOP") {
      this.#take(end + 1);
      this.nsqd.heartbeats++;
      return true;
    }
    if (name !== "PUB" && name !== "IDENTIFY") return this.#fail(`E_INVALID invalid command ${name}`);
    if (name === "PUB" && !/^[.a-zA-Z0-9_-]{1,64}(#ephemeral)?$/.test(topic)) {
      return this.#fail(`E_BAD_TOPIC PUB topic name "${topic}" is not valid`);
    }
    if (this.#rest.length < end + 5) return false;
    const size = this.#rest.readUInt32BE(end + 1);
    if (size === 0) return this.#fail("E_BAD_MESSAGE PUB invalid message body size 0");
    if (size > this.nsqd.maxMessageBytes) {
      return this.#fail(`E_BAD_MESSAGE PUB message too big ${size} > ${this.nsqd.maxMessageBytes}`);
    }
    if (this.#rest.length < end + 5 + size) return false;
    this.#take(end + 5);
    const body = this.#take(size).toString();
    return name === "PUB" ? this.#publish(topic, body) : this.#identify(body);
  }

  #publish(topic: string, body: string): boolean {
    const { fails } = this.nsqd;
    this.nsqd.fails = undefined;
    if (fails !== undefined) return this.#fail(fails);
    if (this.nsqd.isSilent) return true;
    this.nsqd.topics.set(topic, [...this.nsqd.topics.get(topic) ?? [], body]);
    return this.#say(0, "OK");
  }

  #identify(body: string): boolean {
    if (this.#identified) return this.#fail("E_INVALID cannot IDENTIFY in current state");
    this.#identified = true;
    const identity = JSON.parse(body);
    this.nsqd.identities.push(identity);
    const about = { version: "1.3.0", max_rdy_count: 2500, auth_required: this.nsqd.authRequired };
    return this.#say(0, identity.feature_negotiation ? JSON.stringify(about) : "OK");
  }

  #say(type: number, text: string): boolean {
    this.socket.write(frame(type, text));
    return true;
  }

  #fail(text: string): boolean {
    this.socket.end(frame(1, text));
    return false;
  }

  #end(): boolean {
    this.socket.destroy();
    return false;
  }

  #take(count: number): Buffer {
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }
}

function frame(type: number, text: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(4 + Buffer.byteLength(text), 0);
  head.writeUInt32BE(type, 4);
  return Buffer.concat([head, Buffer.from(text)]);
}
