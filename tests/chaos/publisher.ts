// Puts messages into a queue so that they are really there: durable, persistent, confirmed. What is not confirmed
// when the broker goes is published again when it is back, as a careful publisher does; so some arrive twice.
import { type ConfirmChannel, connect } from "amqplib";
import { Buffer } from "node:buffer";
import { pause } from "./pause.ts";

/** Messages that may wait for their confirmation at one time. */
const maxUnconfirmed = 2_000;

/** One publication of many messages to a queue. */
export class Publisher {
  readonly #url: string;
  readonly #queue: string;
  readonly #perSecond: number;
  /** Taken and not confirmed yet. */
  readonly #unconfirmed = new Map<number, Buffer>();
  #bodies!: Iterator<string | Uint8Array>;
  #ended = false;
  /** How many messages were sent, and how often one was sent again. */
  sent = 0;
  sentAgain = 0;

  /** `perSecond` is the most that are sent in a second. */
  constructor(url: string, queue: string, perSecond: number) {
    this.#url = url;
    this.#queue = queue;
    this.#perSecond = perSecond;
  }

  /** Publishes all; resolves when the broker has confirmed each. */
  async publish(bodies: Iterable<string | Uint8Array>): Promise<void> {
    this.#bodies = bodies[Symbol.iterator]();
    while (!this.#ended || this.#unconfirmed.size > 0) {
      try {
        await this.#onOneConnection();
      } catch {
        await pause(100); // the broker is down, or went; it comes back
      }
    }
  }

  async #onOneConnection(): Promise<void> {
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    const connection = await connect(this.#url, { timeout: 5000 });
    try {
      connection.on("error", lost.reject);
      connection.on("close", () => lost.reject(new Error("closed")));
      const channel = await connection.createConfirmChannel();
      channel.on("error", lost.reject);
      await Promise.race([this.#send(channel), lost.promise]);
    } finally {
      lost.reject(new Error("done"));
      await connection.close().catch(() => {});
    }
  }

  async #send(channel: ConfirmChannel): Promise<void> {
    const again = [...this.#unconfirmed.keys()];
    this.sentAgain += again.length;
    for (const index of again) this.#sendOne(channel, index);
    const started = performance.now();
    for (let sent = 0; !this.#ended;) {
      const most = (performance.now() - started) / 1000 * this.#perSecond;
      while (sent < most && this.#unconfirmed.size < maxUnconfirmed && this.#take()) {
        this.#sendOne(channel, this.sent - 1);
        sent++;
      }
      await pause(5);
    }
    await channel.waitForConfirms();
  }

  #take(): boolean {
    const { done, value } = this.#bodies.next();
    if (done) this.#ended = true;
    else this.#unconfirmed.set(this.sent++, typeof value === "string" ? Buffer.from(value) : asBuffer(value));
    return !done;
  }

  #sendOne(channel: ConfirmChannel, index: number): void {
    channel.sendToQueue(this.#queue, this.#unconfirmed.get(index)!, { persistent: true }, (error) => {
      if (!error) this.#unconfirmed.delete(index);
    });
  }
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
