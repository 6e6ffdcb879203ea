// Fills queues as fast as the broker takes it: AMQP frames written many at a time, without amqplib's work for each.
import { type Channel, type ChannelModel, connect } from "amqplib";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { Socket } from "node:net";

/** Of one write, in bytes. */
const blockSize = 256 * 1024;
/** Most that one message takes of it, frames included. */
const maxOfOne = 8 * 1024;

/** A connection that publishes transient messages to one queue, as nomad-firehose does. */
export class Publisher implements AsyncDisposable {
  readonly #connection: ChannelModel;
  readonly #channel: Channel;
  readonly #socket: Socket;
  readonly #queue: string;
  readonly #head: Uint8Array;
  readonly #text = new TextEncoder();
  #block = new Uint8Array(blockSize);
  #used = 0;

  private constructor(connection: ChannelModel, channel: Channel, queue: string) {
    this.#connection = connection;
    this.#channel = channel;
    this.#queue = queue;
    const { stream } = connection.connection as unknown as { stream: Socket };
    this.#socket = stream;
    this.#head = headOf(queue);
  }

  static async open(url: string, queue: string): Promise<Publisher> {
    const connection = await connect(url);
    return new Publisher(connection, await connection.createChannel(), queue);
  }

  /** Adds a message; resolves at once, or when there is room for more. */
  add(message: string): Promise<unknown> | undefined {
    const block = this.#block;
    const head = this.#head;
    let at = this.#used;
    block.set(head, at);
    at += head.length;
    const { written } = this.#text.encodeInto(message, block.subarray(at + 7));
    setUint32(block, at - afterSize, written); // its upper half stays 0
    block.set(bodyFrame, at);
    setUint32(block, at + 3, written);
    at += 7 + written;
    block[at++] = frameEnd;
    this.#used = at;
    return at > blockSize - maxOfOne ? this.flush() : undefined;
  }

  /** Sends what was added; resolves when there is room for more. */
  flush(): Promise<unknown> | undefined {
    if (this.#used === 0) return undefined;
    const block = Buffer.from(this.#block.buffer, 0, this.#used);
    this.#block = new Uint8Array(blockSize);
    this.#used = 0;
    return this.#socket.write(block) ? undefined : once(this.#socket, "drain");
  }

  /** Sends what was added; resolves when all of it stands in the queue. */
  async settled(): Promise<void> {
    await this.flush();
    await this.#channel.checkQueue(this.#queue);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

const frameEnd = 0xce;
const contentType = "application/json";
/** From the lower half of the body's size to the end of the head: it, two flags, the content type, the frame's end. */
const afterSize = 4 + 2 + 1 + contentType.length + 1;
/** Frame of a body on channel 1; its size follows. */
const bodyFrame = new Uint8Array([3, 0, 1, 0, 0, 0, 0]);

/** Basic.Publish to the default exchange and the content header, up to the body (AMQP 0-9-1, 4.2). */
function headOf(queue: string): Uint8Array {
  const key = new TextEncoder().encode(queue);
  const method = [0, 60, 0, 40, 0, 0, 0, key.length, ...key, 0];
  // Class 60, weight 0, eight bytes for the size of the body, the flag of the content type, and it.
  const type = new TextEncoder().encode(contentType);
  const header = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, type.length, ...type];
  const frame = (
    kind: number,
    payload: number[],
  ) => [kind, 0, 1, ...size(payload.length), ...payload, frameEnd];
  return new Uint8Array([...frame(1, method), ...frame(2, header)]);
}

function size(length: number): number[] {
  return [length >>> 24, length >>> 16 & 255, length >>> 8 & 255, length & 255];
}

function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16 & 255;
  bytes[at + 2] = value >>> 8 & 255;
  bytes[at + 3] = value & 255;
}
