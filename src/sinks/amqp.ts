// The sink `amqp`: publishes alerts to an exchange of RabbitMQ, persistent, mandatory and confirmed.
import type { ConfirmChannel } from "amqplib";
import { Buffer } from "node:buffer";
import type { Alert } from "../detection/alert/alert.ts";
import { type OpenChannel, openConfirmChannel } from "../clients/amqp/connection.ts";
import { explain } from "../clients/amqp/errors.ts";
import { look, type Presence } from "../clients/amqp/look.ts";
import { amqpUrl } from "../clients/amqp/settings.ts";
import { tlsConflicts, tlsSettings } from "../clients/tls/settings.ts";
import { Fault } from "../lib/errors.ts";
import { printable } from "../lib/settings/redact.ts";
import { text, wholeNumber } from "../lib/settings/parsers.ts";
import type { Values } from "../lib/settings/setting.ts";
import { defineSink } from "./adapter.ts";
import type { Sink, SinkContext } from "./sink.ts";

const prefix = "SINK_AMQP";

const settings = {
  connection: amqpUrl(`${prefix}_CONNECTION`, "URL of the RabbitMQ that alerts go to"),
  exchange: text({
    env: "SINK_AMQP_EXCHANGE",
    help: "exchange that alerts are published to; it must exist",
    example: "nomad",
  }),
  routingKey: text({
    env: "SINK_AMQP_ROUTING_KEY",
    help: "routing key of alerts; a queue must be bound with it",
    example: "crash-loop",
  }),
  workers: wholeNumber(
    {
      env: "SINK_AMQP_WORKERS",
      help: "maximum unconfirmed alerts, in hundreds",
      default: "1",
      example: "4",
    },
    1,
    100,
  ),
  ...tlsSettings(prefix),
};

/** The adapter of the sink `amqp`. */
export const amqpSink = defineSink({
  type: "amqp",
  settings,
  conflicts: (values, prefix) => tlsConflicts(prefix, values, values.connection, "amqps"),
  open: (values, context, prefix) => new AmqpSink(values, context, prefix),
});

class AmqpSink implements Sink {
  readonly concurrency: number;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #prefix: string;
  /** The last one, usable or not. */
  #open: OpenChannel<ConfirmChannel> | undefined;
  #opening: Promise<OpenChannel<ConfirmChannel>> | undefined;
  #closed = false;
  /** By alert id: what settles the alerts whose confirmation is pending. */
  readonly #unconfirmed = new Map<string, PromiseWithResolvers<void>>();

  constructor(values: Values<typeof settings>, context: SinkContext, prefix: string) {
    this.#values = values;
    this.#context = context;
    this.#prefix = prefix;
    this.concurrency = values.workers * 100;
  }

  async connect(): Promise<void> {
    await this.#channel();
  }

  async send(alert: Alert): Promise<void> {
    const open = await this.#channel();
    const { exchange, routingKey } = this.#values;
    const options = {
      messageId: alert.id,
      contentType: "application/json",
      persistent: true,
      mandatory: true,
    };
    const confirmed = Promise.withResolvers<void>();
    this.#unconfirmed.set(alert.id, confirmed);
    try {
      open.sendTogether();
      open.channel.publish(exchange, routingKey, Buffer.from(this.#context.json(alert)), options, (error) => {
        if (!error) confirmed.resolve();
        // If the channel is lost, its reason follows.
        else if (open.usable) {
          confirmed.reject(
            new Fault(
              `${this.#where} did not take the alert; a queue bound to the exchange may be full`,
              "operator",
            ),
          );
        }
      });
      await confirmed.promise;
    } finally {
      this.#unconfirmed.delete(alert.id);
    }
  }

  async check(): Promise<string> {
    const { exchange } = this.#values;
    const open = await this.#channel();
    return await this.#lookForExchange(open) === "hidden"
      ? `${this.#where}: connected; whether exchange "${exchange}" exists is hidden from this user, who has no ` +
        "permission configure for it; the first alert will show"
      : `${this.#where}: connected, exchange "${exchange}" exists`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    // One that is only being opened closes itself.
    await this.#open?.close();
    this.#fail(new Fault("closed"));
  }

  /** The open channel. Whoever asks while it is being opened waits for the same. */
  async #channel(): Promise<OpenChannel<ConfirmChannel>> {
    if (this.#open?.usable) return this.#open;
    return await (this.#opening ??= this.#connect().finally(() => this.#opening = undefined));
  }

  async #connect(): Promise<OpenChannel<ConfirmChannel>> {
    const { connection, exchange, routingKey } = this.#values;
    const onLost = (fault: Fault) => {
      if (open === this.#open) this.#lose(fault);
    };
    const onBlocked = (reason?: string) =>
      this.#context.listener.blocked(reason && `${this.#where} blocks its publishers: ${reason}`);
    const open = await openConfirmChannel(this.#prefix, this.#values, onLost, onBlocked);
    try {
      await this.#lookForExchange(open);
      if (this.#closed || !open.usable) throw new Fault("closed");
    } catch (error) {
      await open.close();
      throw this.#missing(error) ?? explain(error, connection);
    }
    open.channel.on("return", ({ properties: { messageId } }) => {
      this.#unconfirmed.get(messageId)?.reject(
        new Fault(
          `exchange "${exchange}" has no queue for the routing key "${routingKey}"; bind one to it`,
          "operator",
        ),
      );
    });
    return this.#open = open;
  }

  /** Who may publish need not be allowed to look: then the first alert shows whether it is there. */
  async #lookForExchange(open: OpenChannel<ConfirmChannel>): Promise<Presence> {
    const { exchange } = this.#values;
    const presence = await look(open, (aside) => aside.checkExchange(exchange));
    if (presence === "missing") throw this.#noExchange();
    return presence;
  }

  get #where(): string {
    return printable(this.#values.connection);
  }

  #lose(fault: Fault): void {
    this.#context.listener.blocked();
    const reason = this.#missing(fault) ?? this.#refused(fault) ?? fault;
    this.#fail(reason);
    this.#context.listener.lost(reason);
  }

  #fail(reason: Fault): void {
    for (const { reject } of this.#unconfirmed.values()) reject(reason);
  }

  /** The broker closes the channel for an alert that is too large. Which one it was is known where it was alone. */
  #refused({ message }: Fault): Fault | undefined {
    if (!/message size .* larger than/.test(message) || this.#unconfirmed.size !== 1) return undefined;
    return new Fault(message, "rejected");
  }

  #missing(error: unknown): Fault | undefined {
    return /no exchange/.test(String(error)) ? this.#noExchange() : undefined;
  }

  #noExchange(): Fault {
    return new Fault(
      `exchange "${this.#values.exchange}" does not exist at ${this.#where}; create it`,
      "operator",
    );
  }
}
