// The source `amqp`: consumes a queue of RabbitMQ with manual acknowledgements.
import type { Channel } from "amqplib";
import { type OpenChannel, openChannel } from "../../clients/amqp/connection.ts";
import { explain } from "../../clients/amqp/errors.ts";
import { look } from "../../clients/amqp/look.ts";
import { tlsConflicts } from "../../clients/tls/settings.ts";
import { defineAdapter } from "../../lib/settings/adapter.ts";
import { printable } from "../../lib/settings/redact.ts";
import { isSet } from "../../lib/settings/setting.ts";
import { type Connection, type LiveSource, ReconnectingSource } from "../reconnecting.ts";
import type { Source, SourceContext } from "../source.ts";
import { Consumer } from "./consumer.ts";
import { HoldLimits } from "./hold_limits.ts";
import { describe, missing, noQueue } from "./queue.ts";
import { type AmqpSettings, amqpSettings, prefix, temporaryQueue, titleOf } from "./settings.ts";

const { queue: _, declare: __, ...temporaryQueueSettings } = {
  ...amqpSettings,
  exchange: { ...amqpSettings.exchange, help: "exchange that nomad-firehose publishes to" },
  routingKey: { ...amqpSettings.routingKey, help: "routing key with which it publishes" },
};

/** The adapter `amqp`. */
export const amqpSource = defineAdapter({
  type: "amqp",
  title: "Source amqp",
  settings: amqpSettings,
  isConfigured: (input) => isSet(amqpSettings.connection, input) || isSet(amqpSettings.queue, input),
  conflicts: (values) => tlsConflicts(prefix, values, values.connection, "amqps"),
  open: (values, context: SourceContext): Source => open(values, context),
});

/**
 * The adapter `amqp` for `record`: it reads from a temporary queue, which the broker deletes when the connection ends.
 * The queue of the detector is not touched.
 */
export const temporaryQueueSource = defineAdapter({
  type: "amqp",
  title: "Source amqp",
  settings: temporaryQueueSettings,
  conflicts: (values) => tlsConflicts(prefix, values, values.connection, "amqps"),
  open: (values, context: SourceContext): Source =>
    open({ ...values, queue: temporaryQueue, declare: false }, context),
});

function open(settings: AmqpSettings, context: SourceContext): Source {
  return new ReconnectingSource(new AmqpSource(settings, context), context);
}

class AmqpSource implements LiveSource {
  readonly type = "amqp";
  readonly maxUnacknowledged: number;
  readonly #settings: AmqpSettings;
  readonly #context: SourceContext;
  readonly #holdLimits: HoldLimits;
  #loggedConsuming = false;

  constructor(settings: AmqpSettings, context: SourceContext) {
    this.#settings = settings;
    this.#context = context;
    this.maxUnacknowledged = settings.prefetch;
    this.#holdLimits = new HoldLimits(`source amqp: queue "${settings.queue}"`);
    if (context.visibility !== undefined) context.visibility.losesEvents = true;
  }

  async connect(): Promise<Connection> {
    const consumer = await Consumer.open(this.#settings, this.#holdLimits, this.#context.visibility);
    return {
      batches: (stop) => {
        this.#logConsuming();
        return consumer.batches(stop);
      },
      [Symbol.asyncDispose]: () => consumer.close(),
    };
  }

  /** At the first connection: later ones are logged as the end of an outage. */
  #logConsuming(): void {
    if (this.#loggedConsuming) return;
    this.#loggedConsuming = true;
    this.#context.log.info("source amqp: consumes {queue}", { queue: titleOf(this.#settings) });
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
