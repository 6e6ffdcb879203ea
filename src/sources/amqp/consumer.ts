// One consumption of a queue, with manual acknowledgements.
import type { Channel, ConsumeMessage } from "amqplib";
import { type OpenChannel, openChannel } from "../../clients/amqp/connection.ts";
import { explain } from "../../clients/amqp/errors.ts";
import { heartbeatOf } from "../../clients/amqp/settings.ts";
import { Visibility } from "../../detection/visibility.ts";
import type { Fault } from "../../lib/errors.ts";
import { wallClock } from "../../lib/time.ts";
import type { Batch } from "../source.ts";
import { type HoldLimits, isOfStream } from "./hold_limits.ts";
import { cancelled, declareMissing, missing, streamFault } from "./queue.ts";
import { type AmqpSettings, prefix, temporaryQueue, titleOf } from "./settings.ts";
import { QueueVisibility } from "./visibility.ts";

/** A consumption: from `basic.consume` until the channel is lost or stopped. */
export class Consumer {
  readonly #settings: AmqpSettings;
  readonly #holdLimits: HoldLimits;
  #open!: OpenChannel<Channel>;
  #tag = "";
  #arrived: ConsumeMessage[] = [];
  /** Why the consumption ended. */
  #lost: Fault | undefined;
  #wake = () => {};
  /** The last message that may be acknowledged, with all before it, and how many those are. */
  #acknowledgeable: number | undefined;
  #unacknowledged = 0;
  readonly #visibility: QueueVisibility;
  /** Messages in all, and those neither acknowledged nor rejected. */
  #count = 0;
  #held = 0;
  #observing: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(settings: AmqpSettings, holdLimits: HoldLimits, visibility: Visibility) {
    this.#settings = settings;
    this.#holdLimits = holdLimits;
    this.#visibility = new QueueVisibility(visibility, heartbeatOf(settings));
  }

  static async open(
    settings: AmqpSettings,
    holdLimits: HoldLimits,
    visibility = new Visibility(),
  ): Promise<Consumer> {
    const consumer = new Consumer(settings, holdLimits, visibility);
    consumer.#open = await openChannel(prefix, settings, (fault) => consumer.#lose(fault));
    try {
      await consumer.#consume();
      if (consumer.#lost === undefined) {
        consumer.#observing = setInterval(() => consumer.#observe(), observePeriod);
      }
    } catch (error) {
      await consumer.#open.close();
      throw missing(error, settings) ?? explain(error, settings.connection);
    }
    return consumer;
  }

  async #consume(): Promise<void> {
    const { channel } = this.#open;
    const { queue, exchange, routingKey, prefetch } = this.#settings;
    if (this.#settings.declare) await declareMissing(this.#open, this.#settings);
    let consumed = queue;
    if (queue === temporaryQueue) {
      ({ queue: consumed } = await channel.assertQueue("", {
        exclusive: true,
        autoDelete: true,
        durable: false,
      }));
      await channel.bindQueue(consumed, exchange, routingKey);
    }
    await channel.prefetch(prefetch);
    const { consumerTag } = await channel.consume(consumed, (message) => {
      if (message === null) return void this.#cancelled(consumed);
      if (isOfStream(message)) return this.#lose(streamFault(queue));
      this.#arrived.push(message);
      this.#count++;
      this.#held++;
      this.#wake();
    });
    this.#tag = consumerTag;
  }

  async #cancelled(queue: string): Promise<void> {
    try {
      this.#lose(await cancelled(this.#open, queue));
    } catch (error) {
      this.#lose(explain(error, this.#settings.connection));
    }
  }

  async *batches(stop: AbortSignal): AsyncIterable<Batch> {
    const wake = () => this.#wake();
    stop.addEventListener("abort", wake);
    try {
      while (!stop.aborted) {
        if (this.#lost !== undefined) throw this.#lost;
        if (this.#arrived.length > 0) yield this.#batch();
        else await new Promise<void>((resolve) => this.#wake = resolve);
      }
      await this.#open.channel.cancel(this.#tag).catch(() => {});
      if (this.#arrived.length > 0 && this.#open.usable) yield this.#batch();
    } finally {
      stop.removeEventListener("abort", wake);
    }
  }

  /** Until it is acknowledged, only the delivery tags of its messages are kept. */
  #batch(): Batch {
    const arrived = this.#arrived;
    this.#arrived = [];
    return {
      bodies: arrived.map(({ content }) => content),
      hold: this.#holdLimits.of(arrived),
      ...this.#dispositions(arrived.map(tagOf)),
    };
  }

  #dispositions(tags: readonly number[]): Omit<Batch, "bodies" | "hold"> {
    const rejected = new Set<number>();
    return {
      place: (index) =>
        `message ${tags[index]} of ${this.#settings.queue === temporaryQueue ? "" : "queue "}${
          titleOf(this.#settings)
        }`,
      reject: (index) => {
        rejected.add(index);
        if (this.#open.usable) this.#open.channel.reject(tagged(tags[index]!), false);
      },
      // A multiple acknowledgement must name a message that is not rejected.
      acknowledge: () => this.#acknowledge(tags.findLast((_, index) => !rejected.has(index)), tags.length),
    };
  }

  /** One acknowledgement for many messages: for a quarter of the prefetch, or after 5 ms. */
  #acknowledge(last: number | undefined, count: number): void {
    this.#held -= count;
    if (last === undefined || !this.#open.usable) return;
    this.#acknowledgeable = last;
    this.#unacknowledged += count;
    if (this.#unacknowledged >= this.#settings.prefetch / 4) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), 5);
  }

  #observe(): void {
    this.#visibility.observe(wallClock(), {
      bytes: this.#open.bytesRead,
      messages: this.#count,
      isFull: this.#held >= this.#settings.prefetch,
    });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const last = this.#acknowledgeable;
    this.#acknowledgeable = undefined;
    this.#unacknowledged = 0;
    if (last !== undefined && this.#open.usable) this.#open.channel.ack(tagged(last), true);
  }

  /** Messages that arrived and were not taken yet will be redelivered. */
  #lose(fault: Fault): void {
    this.#lost ??= fault;
    this.#holdLimits.learn(fault.message);
    this.#arrived = [];
    clearTimeout(this.#timer);
    clearInterval(this.#observing);
    this.#wake();
    this.#open?.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#observing);
    this.#flush();
    await this.#open.close();
  }
}

/** Milliseconds between two observations of how far the queue is read. */
const observePeriod = 1_000;

/** By its tag a message is acknowledged or rejected. */
function tagOf({ fields: { deliveryTag } }: ConsumeMessage): number {
  return deliveryTag;
}

/** amqplib takes the tag from a message, and nothing else. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
