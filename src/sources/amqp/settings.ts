// The settings of the source `amqp`, and the name of its queue in messages.
import { amqpUrl } from "../../clients/amqp/settings.ts";
import { tlsSettings } from "../../clients/tls/settings.ts";
import { text, toggle, wholeNumber } from "../../lib/settings/parsers.ts";
import type { Values } from "../../lib/settings/setting.ts";

/** How the names of its variables begin. */
export const prefix = "AMQP";

/** The settings. */
export const amqpSettings = {
  connection: amqpUrl(`${prefix}_CONNECTION`, "URL of the RabbitMQ that updates come from"),
  queue: text({
    env: "AMQP_QUEUE",
    help: "queue that holds nomad-firehose's allocation updates",
    example: "nomad.crash-loop-in",
  }),
  prefetch: wholeNumber(
    {
      env: "AMQP_PREFETCH",
      help: "prefetch count: maximum unacknowledged messages",
      default: "1000",
      example: "5000",
    },
    1,
    65535,
  ),
  declare: toggle({
    env: "AMQP_DECLARE",
    help: "declare the queue (durable), the exchange and the binding if they are missing",
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

/** Their values. */
export type AmqpSettings = Values<typeof amqpSettings>;

/** In place of a queue's name: a queue that ends with the connection. */
export const temporaryQueue = "";

/** The queue that is consumed, for people. */
export function titleOf({ queue, exchange }: AmqpSettings): string {
  return queue === temporaryQueue ? `a temporary queue at the exchange ${exchange}` : queue;
}
