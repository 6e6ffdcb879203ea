// Limits how long messages of a queue may stay unacknowledged while their alerts are pending: a quorum queue counts
// redeliveries, and at its delivery-limit it drops or dead-letters the message without notifying the consumer.
import type { ConsumeMessage } from "amqplib";
import type { Hold } from "../source.ts";

/*
 * A client cannot know the limit: it is an argument of the queue, or of a policy, or the default, which is 20 since
 * RabbitMQ 4 and none before, and AMQP has no method that returns it. A client does see the header `x-delivery-count`
 * on redelivered messages of quorum queues: after a lost connection and, before RabbitMQ 4.3, after each acknowledgement
 * timeout, 30 minutes by default. So these limits are safe for every delivery-limit of at least 1:
 *
 * - Without that header so far: no limit. A classic queue never counts, and every delivery-limit allows one redelivery.
 * - After the first header: 20 minutes for a message that is new, below the timeout of 30.
 * - On the first redelivery: a minute, enough for the sink to reconnect after a restart of a broker that both share,
 *   and far below the timeout.
 * - From the second redelivery on: none, so that connections lost every few seconds do not add up.
 * - If the broker named a shorter timeout: never more than half of it.
 *
 * Little is lost by acknowledging early: without a state file, the restarts that were acknowledged long ago end with the
 * process as well, and without them the messages that were held are no loop at the next start.
 */

/** Milliseconds that a message may be held on its first, second and third delivery. */
const maxHold = [20 * 60_000, 60_000, 0] as const;

/** What is known of the broker's limits. */
export class HoldLimits {
  readonly #where: string;
  /** Half of the acknowledgement timeout that the broker named, in milliseconds. */
  #timeout = Infinity;
  #counts = false;

  /** `where` is the title of the queue. */
  constructor(where: string) {
    this.#where = where;
  }

  /** Learns from the reason why a channel was closed. */
  learn(reason: string): void {
    const [, timeout] = /acknowledgement.* timed out\. Timeout value used: (\d+) ms/.exec(reason) ?? [];
    if (timeout !== undefined) this.#timeout = Math.min(this.#timeout, Number(timeout) / 2);
  }

  /** The hold of messages that arrived together; undefined if they may be held without limit. */
  of(messages: readonly ConsumeMessage[]): Hold | undefined {
    let deliveries = 0;
    for (const { fields, properties } of messages) {
      if (fields.redelivered) deliveries = Math.max(deliveries, deliveryCount(properties.headers));
    }
    this.#counts ||= deliveries > 0;
    if (!this.#counts) return undefined;
    const milliseconds = Math.min(maxHold[deliveries] ?? 0, this.#timeout);
    return { where: this.#where, deliveries, milliseconds };
  }
}

/** How often a quorum queue delivered the message before. */
function deliveryCount(headers: ConsumeMessage["properties"]["headers"]): number {
  const count = Number(headers?.["x-delivery-count"] ?? 0);
  return Number.isFinite(count) ? count : 0;
}

/** Whether the message comes from a stream, which keeps what is acknowledged. */
export function isOfStream({ properties: { headers } }: ConsumeMessage): boolean {
  return headers?.["x-stream-offset"] !== undefined;
}
