// Looks up the consumed queue and its type, as far as a client can, and declares a missing queue, exchange or binding.
import type { Channel } from "amqplib";
import type { OpenChannel } from "../../clients/amqp/connection.ts";
import { look, replyCode } from "../../clients/amqp/look.ts";
import { Fault } from "../../lib/errors.ts";
import { printable } from "../../lib/settings/redact.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import { type AmqpSettings, amqpSettings, temporaryQueue } from "./settings.ts";

/** Declares the queue, the exchange and the binding if they are missing. An existing one keeps its type and arguments;
 * declaring it with others would fail. */
export async function declareMissing(
  open: OpenChannel<Channel>,
  { queue, exchange, routingKey }: { queue: string; exchange: string; routingKey: string },
): Promise<void> {
  const { channel } = open;
  if (await look(open, (aside) => aside.checkExchange(exchange)) === "missing") {
    await channel.assertExchange(exchange, "topic", { durable: true });
  }
  if (await look(open, (aside) => aside.checkQueue(queue)) === "missing") {
    await channel.assertQueue(queue, { durable: true });
  }
  await channel.bindQueue(queue, exchange, routingKey);
}

/** Why the broker cancelled the consumption. */
export async function cancelled(open: OpenChannel<Channel>, queue: string): Promise<Fault> {
  switch (await look(open, (aside) => aside.checkQueue(queue))) {
    case "missing":
      return new Fault(`queue "${queue}" was deleted`, "operator");
    case "there":
      return new Fault(
        `RabbitMQ cancelled the consumption of queue "${queue}", which is there; an acknowledgement took longer than ` +
          "its consumer timeout, or the queue was moved or recreated",
      );
    case "hidden":
      return new Fault(
        `RabbitMQ cancelled the consumption of queue "${queue}"; it was deleted, or an acknowledgement took longer ` +
          "than its consumer timeout",
      );
  }
}

/** A stream keeps acknowledged messages, and delivers only new ones after a reconnect. */
export function streamFault(queue: string): Fault {
  return new Fault(
    `queue "${queue}" is a stream, from which messages cannot be taken; bind a classic or a quorum queue to the same ` +
      "exchange and name it with AMQP_QUEUE (--amqp-queue)",
    "config",
  );
}

/** Describes the type of a queue. @throws {Fault} for a stream */
export async function describe(open: OpenChannel<Channel>, queue: string): Promise<string> {
  const kind = await kindOf(open, queue);
  if (kind === "hidden") {
    return "its type and delivery-limit are hidden from this user, who has no permission configure for it";
  }
  if (kind === undefined) return "its type is not known";
  const { type, limit } = kind;
  if (type === "stream") throw streamFault(queue);
  if (type !== "quorum") return `it is a ${type} queue`;
  if (limit === undefined) return "it is a quorum queue whose delivery-limit is not known";
  if (limit !== "none") return `it is a quorum queue with the delivery-limit ${limit}, or less by a policy`;
  if (Number.parseInt(open.version) >= 4) {
    return "it is a quorum queue with the delivery-limit 20, which is RabbitMQ's default, or another by a policy";
  }
  return "it is a quorum queue without a delivery-limit, unless a policy sets one";
}

/** What is missing, by the broker's refusal; undefined if it refused for another reason. */
export function missing(error: unknown, all: AmqpSettings): Fault | undefined {
  const { queue, exchange, connection } = all;
  if (queue === temporaryQueue && /no exchange/.test(String(error))) {
    return new Fault(
      `exchange "${exchange}" does not exist at ${
        printable(connection)
      }; name that to which nomad-firehose ` +
        `publishes with ${namesOf(amqpSettings.exchange)}`,
      "config",
    );
  }
  return /no queue/.test(String(error)) ? noQueue(all) : undefined;
}

/** With AMQP_DECLARE it is missing only if the user may not look it up. */
export function noQueue({ queue, connection, declare }: AmqpSettings): Fault {
  const advice = declare
    ? "create it, or grant the user the permission configure"
    : "create it, or have it created with --amqp-declare";
  return new Fault(`queue "${queue}" does not exist at ${printable(connection)}; ${advice}`, "operator");
}

interface Kind {
  readonly type: string;
  /** The delivery-limit among the arguments of a quorum queue; undefined if unknown. */
  readonly limit: string | undefined;
}

/** Declarations tried for one queue: it has a dozen arguments at most. */
const maxAttempts = 20;
/** A value that no argument has. With such a type or TTL no queue is created if it was deleted meanwhile. */
const noValue = "no value";
const ofAnyType = { "x-queue-type": noValue };
const ofQuorum = { "x-queue-type": "quorum", "x-delivery-limit": noValue, "x-message-ttl": noValue };

/**
 * The type of an existing queue; undefined if the broker does not say. AMQP cannot query it, but a refused declaration
 * names the first argument that differs and its value, so this declares again and again, one argument closer each time.
 */
async function kindOf(open: OpenChannel<Channel>, queue: string): Promise<Kind | "hidden" | undefined> {
  const known: Record<string, unknown> = {};
  const flags = { durable: true, auto_delete: false };
  let type: string | undefined;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const refusal = await refusalOf(open, (aside) =>
      aside.assertQueue(queue, {
        durable: flags.durable,
        autoDelete: flags.auto_delete,
        arguments: { ...known, ...(type === "quorum" ? ofQuorum : ofAnyType) },
      }));
    if (replyCode(refusal) === 403) return "hidden";
    const differs = differenceIn(String(refusal));
    if (differs?.name === "x-delivery-limit" && type === "quorum") {
      return { type, limit: differs.value ?? "none" };
    }
    if (differs?.name === "x-queue-type") {
      type = differs.value ?? "classic";
      if (type !== "quorum") return { type, limit: undefined };
    } else if (differs?.value === undefined) break;
    else if (differs.name === "durable" || differs.name === "auto_delete") {
      flags[differs.name] = differs.value === "true";
    } else known[differs.name] = typed(differs.value, differs.type);
  }
  return type === undefined ? undefined : { type, limit: undefined };
}

async function refusalOf(
  open: OpenChannel<Channel>,
  ask: (channel: Channel) => Promise<unknown>,
): Promise<unknown> {
  try {
    await open.aside(ask);
  } catch (error) {
    return error;
  }
}

/** The difference that RabbitMQ names: `inequivalent arg 'x' for queue 'q' in vhost '/': received none but current is the
 * value '1' of type 'signedint'`, or shorter `received '0' but current is '1'`, or `current is none`. */
function differenceIn(refusal: string): { name: string; value?: string; type?: string } | undefined {
  const [, name, current] =
    /inequivalent arg '([^']+)' for queue .*: received .* but current is (.*)$/s.exec(refusal) ?? [];
  if (name === undefined || current === undefined) return undefined;
  const [, value, type] = /^(?:the value )?'(.*?)'(?: of type '(\w+)')?"?$/s.exec(current) ?? [];
  return {
    name,
    ...(value !== undefined && { value }),
    ...(type !== undefined && { type }),
  };
}

function typed(value: string, type: string | undefined): unknown {
  if (type === "longstr" || type === undefined) return value;
  return type === "bool" ? value === "true" : Number(value);
}
