// The source `amqp`: consumes a queue of RabbitMQ with manual acknowledgements, and comes back after every outage.
import type { Channel, ConsumeMessage } from "amqplib";
import {
  amqpUrl,
  explain,
  heartbeatOf,
  type OpenChannel,
  openChannel,
} from "../../clients/amqp/connection.ts";
import { look } from "../../clients/amqp/look.ts";
import { tlsConflicts, tlsSettings } from "../../clients/tls/settings.ts";
import { Fault } from "../../lib/errors.ts";
import { defineAdapter } from "../../lib/settings/adapter.ts";
import { namesOf, type Values } from "../../lib/settings/setting.ts";
import { printable } from "../../lib/settings/redact.ts";
import { text, toggle, wholeNumber } from "../../lib/settings/parsers.ts";
import { Visibility } from "../../detection/visibility.ts";
import { type Connection, type LiveSource, ReconnectingSource } from "../reconnecting.ts";
import type { Batch, Source, SourceContext } from "../source.ts";
import { wallClock } from "../../lib/time.ts";
import { QueueVisibility } from "./visibility.ts";
import { Holding, isOfStream } from "./hold_limits.ts";
import { cancelled, declareMissing, describe, streamFault } from "./queue.ts";

const prefix = "AMQP";

const settings = {
  connection: amqpUrl(`${prefix}_CONNECTION`, "URL of the RabbitMQ that updates come from"),
  queue: text({
    env: "AMQP_QUEUE",
    help: "queue that holds nomad-firehose's allocation updates",
    example: "nomad.crash-loop-in",
  }),
  prefetch: wholeNumber(
    {
      env: "AMQP_PREFETCH",
      help: "how many messages RabbitMQ sends ahead of their acknowledgement",
      default: "1000",
      example: "5000",
    },
    1,
    65535,
  ),
  declare: toggle({
    env: "AMQP_DECLARE",
    help: "declare the queue (durable), the exchange and the binding, where they are missing",
  }),
  exchange: text({
    env: "AMQP_EXCHANGE",
    help: "topic exchange (durable) that AMQP_DECLARE declares",
    default: "nomad",
    example: "nomad",
  }),
  routingKey: text({
    env: "AMQP_ROUTING_KEY",
    help: "routing key with which AMQP_DECLARE binds the queue",
    default: "allocations",
    example: "allocations",
  }),
  ...tlsSettings(prefix),
};

type AmqpSettings = Values<typeof settings>;

const { queue: _, declare: __, ...tapSettings } = {
  ...settings,
  exchange: { ...settings.exchange, help: "exchange that nomad-firehose publishes to" },
  routingKey: { ...settings.routingKey, help: "routing key with which it publishes" },
};

/** The row of the source `amqp`. */
export const amqpSource = defineAdapter({
  type: "amqp",
  title: "Source amqp",
  settings,
  conflicts: (values) => tlsConflicts(prefix, values, values.connection, "amqps"),
  open: (values, context: SourceContext): Source => open(values, context),
});

/**
 * The same messages for somebody who only looks on: from a queue of its own, which the broker deletes when the
 * connection ends. Other queues get what they get without it.
 */
export const amqpTap = defineAdapter({
  type: "amqp",
  title: "Source amqp",
  settings: tapSettings,
  conflicts: (values) => tlsConflicts(prefix, values, values.connection, "amqps"),
  open: (values, context: SourceContext): Source =>
    open({ ...values, queue: ownQueue, declare: false }, context),
});

function open(settings: AmqpSettings, context: SourceContext): Source {
  return new ReconnectingSource(new AmqpSource(settings, context), context);
}

/** In the place of a queue's name: one of its own. */
const ownQueue = "";

class AmqpSource implements LiveSource {
  readonly type = "amqp";
  readonly #settings: AmqpSettings;
  readonly #context: SourceContext;
  readonly #holding: Holding;
  #saidConnected = false;

  constructor(settings: AmqpSettings, context: SourceContext) {
    this.#settings = settings;
    this.#context = context;
    this.#holding = new Holding(`source amqp: queue "${settings.queue}"`);
    if (context.visibility !== undefined) context.visibility.losesEvents = true;
  }

  async connect(): Promise<Connection> {
    const consumer = await Consumer.open(this.#settings, this.#holding, this.#context.visibility);
    return {
      batches: (stop) => {
        if (!this.#saidConnected) {
          this.#context.log.info("source amqp: consumes {queue}", { queue: titleOf(this.#settings) });
        }
        this.#saidConnected = true;
        return consumer.batches(stop);
      },
      [Symbol.asyncDispose]: () => consumer.close(),
    };
  }

  async check(): Promise<string> {
    const { connection } = this.#settings;
    const open = await openChannel(prefix, this.#settings, () => {});
    try {
      return `${printable(connection)}: connected, ${await this.#found(open)}`;
    } catch (error) {
      throw missing(error, this.#settings) ?? explain(error, connection);
    } finally {
      await open.close();
    }
  }

  async #found(open: OpenChannel<Channel>): Promise<string> {
    const { queue, declare } = this.#settings;
    let counts = { messageCount: 0, consumerCount: 0 };
    const presence = await look(open, async (aside) => counts = await aside.checkQueue(queue));
    if (presence === "there") {
      return `queue "${queue}" exists with ${counts.messageCount} messages ready and ${counts.consumerCount} ` +
        `consumers; ${await describe(open, queue)}`;
    }
    if (presence === "hidden") {
      return `whether queue "${queue}" exists is hidden from this user, who has no permission configure for it; ` +
        "consuming it will show";
    }
    if (!declare) throw noQueue(this.#settings);
    return `queue "${queue}" does not exist yet and will be declared`;
  }
}

/** One consumption: from `basic.consume` until the channel is lost or stopped. */
class Consumer {
  readonly #settings: AmqpSettings;
  readonly #holding: Holding;
  #open!: OpenChannel<Channel>;
  #tag = "";
  #arrived: ConsumeMessage[] = [];
  /** Why there are no more messages. */
  #lost: Fault | undefined;
  #wake = () => {};
  /** The last message that may be acknowledged, with all before it, and how many those are. */
  #acknowledgeable: number | undefined;
  #unacknowledged = 0;
  readonly #visibility: QueueVisibility;
  /** How many came in all, and how many of them are neither acknowledged nor rejected. */
  #count = 0;
  #held = 0;
  #looking: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(settings: AmqpSettings, holding: Holding, visibility: Visibility) {
    this.#settings = settings;
    this.#holding = holding;
    this.#visibility = new QueueVisibility(visibility, heartbeatOf(settings));
  }

  static async open(
    settings: AmqpSettings,
    holding: Holding,
    visibility = new Visibility(),
  ): Promise<Consumer> {
    const consumer = new Consumer(settings, holding, visibility);
    consumer.#open = await openChannel(prefix, settings, (fault) => consumer.#lose(fault));
    try {
      await consumer.#consume();
      if (consumer.#lost === undefined) consumer.#looking = setInterval(() => consumer.#look(), lookEvery);
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
    if (queue === ownQueue) {
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

  /** Until it is acknowledged, it keeps no more of its messages than their tags. */
  #batch(): Batch {
    const arrived = this.#arrived;
    this.#arrived = [];
    return {
      bodies: arrived.map(({ content }) => content),
      hold: this.#holding.of(arrived),
      ...this.#ways(arrived.map(tagOf)),
    };
  }

  #ways(tags: readonly number[]): Omit<Batch, "bodies" | "hold"> {
    const rejected = new Set<number>();
    return {
      place: (index) =>
        `message ${tags[index]} of ${this.#settings.queue === ownQueue ? "" : "queue "}${
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

  /** One acknowledgement for many messages: when a quarter of the prefetch is due, or after a moment. */
  #acknowledge(last: number | undefined, count: number): void {
    this.#held -= count;
    if (last === undefined || !this.#open.usable) return;
    this.#acknowledgeable = last;
    this.#unacknowledged += count;
    if (this.#unacknowledged >= this.#settings.prefetch / 4) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), 5);
  }

  #look(): void {
    this.#visibility.look(wallClock(), {
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

  /** What arrived and is not taken yet will be sent again. */
  #lose(fault: Fault): void {
    this.#lost ??= fault;
    this.#holding.learn(fault.message);
    this.#arrived = [];
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
    this.#wake();
    this.#open?.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    this.#flush();
    await this.#open.close();
  }
}

/** Milliseconds between two looks at how far the queue is read. */
const lookEvery = 1_000;

/** By its tag a message is acknowledged or rejected. */
function tagOf({ fields: { deliveryTag } }: ConsumeMessage): number {
  return deliveryTag;
}

/** amqplib takes the tag from a message, and nothing else. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}

/** The queue that is consumed, in words. */
function titleOf({ queue, exchange }: AmqpSettings): string {
  return queue === ownQueue ? `a queue of its own at the exchange ${exchange}` : queue;
}

function missing(error: unknown, all: AmqpSettings): Fault | undefined {
  const { queue, exchange, connection } = all;
  if (queue === ownQueue && /no exchange/.test(String(error))) {
    return new Fault(
      `exchange "${exchange}" does not exist at ${
        printable(connection)
      }; name that to which nomad-firehose ` +
        `publishes with ${namesOf(settings.exchange)}`,
      "config",
    );
  }
  return /no queue/.test(String(error)) ? noQueue(all) : undefined;
}

/** Where AMQP_DECLARE is on, it is missing only where the user may not look for it. */
function noQueue({ queue, connection, declare }: AmqpSettings): Fault {
  const mend = declare
    ? "create it, or grant the user the permission configure"
    : "create it, or have it created with --amqp-declare";
  return new Fault(`queue "${queue}" does not exist at ${printable(connection)}; ${mend}`, "operator");
}
