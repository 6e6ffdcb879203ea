// For how long messages of a queue may wait for sinks: a quorum queue counts how often it gives a message out again, and
// at its delivery-limit drops or dead-letters it without a word to the consumer.
import type { ConsumeMessage } from "amqplib";
import type { Hold } from "../source.ts";

/*
 * What a client can know of the limit: nothing. It is an argument of the queue, or of a policy, or the default, which
 * is 20 since RabbitMQ 4 and none before; no method of AMQP tells it to a consumer. What it does see is the header
 * `x-delivery-count`, on messages of quorum queues that came back: after a lost connection, and until RabbitMQ 4.3 after
 * each acknowledgement timeout, 30 minutes unless set otherwise. So the bounds are such as are safe for every limit of
 * at least 1:
 *
 * - While nothing had that header, nothing was counted. A classic queue never counts; its messages wait for as long as
 *   it takes. So do those of a quorum queue until it gives the first ones out again, which every limit allows.
 * - From then on a message waits for 20 minutes: the timeout of 30 does not take it.
 * - Given out for the second time, a message waits for a minute: enough for the sink to come back after a restart of the
 *   broker that both have in common, and far below the timeout.
 * - From the third time on it waits for nothing, so that connections that are lost every few seconds do not add up.
 * - Where the broker named a shorter timeout, no message waits for more than half of it.
 *
 * Little is given up: what is in memory alone ends with the process, and so do the restarts that were acknowledged long
 * ago, without which the messages that were held make no loop at the next start.
 */

/** Milliseconds that a message may wait which is given out for the first, the second, the third time. */
const longest = [20 * 60_000, 60_000, 0] as const;

/** What was learned about the broker's patience. */
export class HoldLimits {
  readonly #where: string;
  /** Milliseconds that no message waits longer, by the timeout of the broker. */
  #most = Infinity;
  #counts = false;

  /** `where` is the queue in words. */
  constructor(where: string) {
    this.#where = where;
  }

  /** Learns from the reason why a channel was closed. */
  learn(reason: string): void {
    const [, timeout] = /acknowledgement.* timed out\. Timeout value used: (\d+) ms/.exec(reason) ?? [];
    if (timeout !== undefined) this.#most = Math.min(this.#most, Number(timeout) / 2);
  }

  /** The hold of messages that arrived together; undefined where they may wait for as long as it takes. */
  of(messages: readonly ConsumeMessage[]): Hold | undefined {
    let deliveries = 0;
    for (const { fields, properties } of messages) {
      if (fields.redelivered) deliveries = Math.max(deliveries, deliveryCount(properties.headers));
    }
    this.#counts ||= deliveries > 0;
    if (!this.#counts) return undefined;
    const milliseconds = Math.min(longest[deliveries] ?? 0, this.#most);
    return { where: this.#where, deliveries, milliseconds };
  }
}

/** How often a quorum queue gave the message out before and got it back. */
function deliveryCount(headers: ConsumeMessage["properties"]["headers"]): number {
  const count = Number(headers?.["x-delivery-count"] ?? 0);
  return Number.isFinite(count) ? count : 0;
}

/** Whether the message comes from a stream, which keeps what is acknowledged. */
export function isOfStream({ properties: { headers } }: ConsumeMessage): boolean {
  return headers?.["x-stream-offset"] !== undefined;
}
