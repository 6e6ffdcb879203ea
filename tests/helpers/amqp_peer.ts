// A RabbitMQ 4.3 as far as RabbitMQ 3.10 cannot play it: a proxy before it that refuses passive declarations for want of
// the permission `configure`, and cancels consumers of queues that are there.
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Class and method of AMQP 0-9-1, as one number. */
const methods = {
  channelClose: 20 << 16 | 40,
  channelCloseOk: 20 << 16 | 41,
  exchangeDeclare: 40 << 16 | 10,
  queueDeclare: 50 << 16 | 10,
  consumeOk: 60 << 16 | 21,
  cancel: 60 << 16 | 30,
};

/** Starts it before the broker on a port of 127.0.0.1. `hides`: it refuses passive declarations. */
export async function startPeer(target: number, hides: boolean): Promise<Peer> {
  const peer = new Peer(target, hides);
  await peer.listen();
  return peer;
}

/** The proxy. */
export class Peer implements AsyncDisposable {
  readonly #server: Server;
  readonly #links = new Set<Link>();

  constructor(target: number, hides: boolean) {
    this.#server = createServer((client) => {
      const link = new Link(client, connect(target, "127.0.0.1"), hides);
      this.#links.add(link);
      client.on("close", () => this.#links.delete(link));
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cancels every consumer, as RabbitMQ 4.3 does after a consumer timeout. */
  cancelConsumers(): void {
    for (const link of this.#links) link.cancelConsumers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#links) link.end();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** One connection. */
class Link {
  readonly #client: Socket;
  readonly #broker: Socket;
  /** Channels closed by the proxy, whose `close-ok` of either side is not passed on. */
  readonly #closing = { client: new Set<number>(), broker: new Set<number>() };
  readonly #consumers: { channel: number; tag: string }[] = [];

  constructor(client: Socket, broker: Socket, readonly hides: boolean) {
    this.#client = client;
    this.#broker = broker;
    this.#pass(client, broker, (frame) => this.#ofClient(frame), 8);
    this.#pass(broker, client, (frame) => this.#ofBroker(frame), 0);
  }

  end(): void {
    this.#client.destroy();
    this.#broker.destroy();
  }

  cancelConsumers(): void {
    for (const { channel, tag } of this.#consumers.splice(0)) {
      this.#client.write(methodFrame(channel, methods.cancel, Buffer.concat([shortString(tag), bytes(1)])));
    }
  }

  #pass(from: Socket, to: Socket, passes: (frame: Buffer) => boolean, header: number): void {
    let rest = Buffer.alloc(0);
    let skip = header;
    from.on("data", (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      if (skip > 0 && rest.length >= skip) {
        to.write(rest.subarray(0, skip));
        rest = rest.subarray(skip);
        skip = 0;
      }
      while (skip === 0 && rest.length >= 7 && rest.length >= rest.readUInt32BE(3) + 8) {
        const frame = rest.subarray(0, rest.readUInt32BE(3) + 8);
        rest = rest.subarray(frame.length);
        if (passes(frame)) to.write(frame);
      }
    });
    from.on("error", () => {});
    from.on("close", () => to.destroy());
  }

  #ofClient(frame: Buffer): boolean {
    const channel = frame.readUInt16BE(1);
    const method = methodOf(frame);
    if (method === methods.channelCloseOk && this.#closing.client.delete(channel)) return false;
    const asks = method === methods.queueDeclare || method === methods.exchangeDeclare;
    if (!this.hides || !asks || !isPassive(frame, method)) return true;
    this.#closing.client.add(channel);
    this.#closing.broker.add(channel);
    const kind = method === methods.queueDeclare ? "queue" : "exchange";
    const name = shortStringAt(frame, 13);
    const text =
      `ACCESS_REFUSED - configure access to ${kind} '${name}' in vhost '/' refused for user 'guest'`;
    this.#broker.write(closeFrame(channel, 200, "", 0));
    this.#client.write(closeFrame(channel, 403, text, method));
    return false;
  }

  #ofBroker(frame: Buffer): boolean {
    const channel = frame.readUInt16BE(1);
    const method = methodOf(frame);
    if (method === methods.consumeOk) this.#consumers.push({ channel, tag: shortStringAt(frame, 11) });
    return !(method === methods.channelCloseOk && this.#closing.broker.delete(channel));
  }
}

function methodOf(frame: Buffer): number | undefined {
  return frame[0] === 1 ? frame.readUInt32BE(7) : undefined;
}

/** `queue.declare` has a name before its bits, `exchange.declare` a name and a type. */
function isPassive(frame: Buffer, method: number): boolean {
  let at = 13;
  for (let strings = method === methods.queueDeclare ? 1 : 2; strings > 0; strings--) at += 1 + frame[at]!;
  return (frame[at]! & 1) === 1;
}

function shortStringAt(frame: Buffer, at: number): string {
  return frame.toString("utf8", at + 1, at + 1 + frame[at]!);
}

function shortString(text: string): Buffer {
  return Buffer.concat([bytes(Buffer.byteLength(text)), Buffer.from(text)]);
}

function bytes(...values: number[]): Buffer {
  return Buffer.from(values);
}

function closeFrame(channel: number, code: number, text: string, method: number): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(method);
  return methodFrame(
    channel,
    methods.channelClose,
    Buffer.concat([bytes(code >> 8, code & 255), shortString(text), tail]),
  );
}

function methodFrame(channel: number, method: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head[0] = 1;
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(4 + rest.length, 3);
  head.writeUInt32BE(method, 7);
  return Buffer.concat([head, rest, bytes(0xce)]);
}
