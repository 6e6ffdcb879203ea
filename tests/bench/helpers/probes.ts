// Restarts that each complete a loop, sent one by one, and how long their alerts take.
import { type BrokerClient, brokerClient } from "../../helpers/amqp.ts";
import { Buffer } from "node:buffer";
import type { Broker } from "./broker.ts";
import { Messages, nameOf } from "./messages.ts";
import { type Measured, startBaseline, startDetector } from "./process.ts";

const exchange = "bench.exchange";
const routingKey = "crash-loop";
const out = "bench.alerts";

/** Who answers: the detector, or the relay that only passes restarts on. */
export type Way = "ours" | "relay";

/** A program that answers, and the times at which it was asked. Disposing it kills it. */
export class Probes implements AsyncDisposable {
  readonly queue = "bench.probes";
  readonly url: string;
  /** How many may be sent. */
  count = 0;
  readonly #way: Way;
  readonly #broker: Broker;
  readonly #hand: BrokerClient;
  readonly #messages = new Messages({ restarts: 1, names: 1 });
  readonly #waiting = new Map<string, (now: number) => void>();
  readonly #more: Readonly<Record<string, string>>;
  #program: Measured | undefined;

  private constructor(way: Way, broker: Broker, hand: BrokerClient, more: Readonly<Record<string, string>>) {
    this.#more = more;
    this.#way = way;
    this.#broker = broker;
    this.#hand = hand;
    this.url = broker.url;
  }

  /** Resolves when the program consumes. `more` are settings of the detector beyond its usual ones. */
  static async start(
    broker: Broker,
    way: Way,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Probes> {
    const probes = new Probes(way, broker, await brokerClient(broker.url), more);
    try {
      await probes.#start();
      return probes;
    } catch (error) {
      await probes[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { channel } = this.#hand;
    await channel.assertExchange(exchange, "topic");
    await this.#hand.queue(this.queue);
    await this.#hand.queue(out);
    await channel.bindQueue(out, exchange, routingKey);
    await channel.consume(out, (message) => this.#arrived(message!.content), { noAck: true });
    this.#program = this.#way === "ours"
      ? startDetector({ env: this.#env })
      : startBaseline("relay", { args: [this.url, this.queue, "1000", exchange, routingKey] });
    await this.#program.logged("consumes");
  }

  get #env(): Record<string, string> {
    return {
      AMQP_CONNECTION: this.url,
      AMQP_QUEUE: this.queue,
      RESTART_COUNT: "2",
      RESTART_INTERVAL: "1h",
      NOTIFICATION_INTERVAL: "1h",
      SINK_TYPE: "amqp",
      SINK_AMQP_CONNECTION: this.url,
      SINK_AMQP_EXCHANGE: exchange,
      SINK_AMQP_ROUTING_KEY: routingKey,
      ...this.#more,
    };
  }

  /** Makes so many loops ready that want one restart more. */
  async prepare(count: number): Promise<void> {
    this.count = count;
    if (this.#way === "relay") return;
    await this.#hand.put(
      this.queue,
      Array.from({ length: count }, (_, name) => this.#messages.restart(name)),
    );
    await (await this.#broker.drained(this.queue))();
  }

  /** Sends the restart that is wanting; resolves, when the alert is in the queue, with the milliseconds it took. */
  send(index: number): Promise<number> {
    const body = Buffer.from(this.#messages.restart(index));
    const { promise, resolve } = Promise.withResolvers<number>();
    const sent = performance.now();
    this.#waiting.set(nameOf(index), (now) => resolve(now - sent));
    this.#hand.channel.publish("", this.queue, body, { contentType: "application/json" });
    return promise;
  }

  #arrived(alert: Buffer): void {
    const now = performance.now();
    const name = /"Name":"([^"]*)"/.exec(alert.toString())?.[1] ?? "";
    this.#waiting.get(name)?.(now);
    this.#waiting.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
    await this.#hand[Symbol.asyncDispose]();
  }
}
