// A test's own hand at the broker: queues, messages put in and taken out.
import { type ConfirmChannel, connect, type ConsumeMessage, type GetMessage } from "amqplib";
import { Buffer } from "node:buffer";
import type { Broker } from "../../src/clients/amqp/settings.ts";
import { waitFor } from "./wait_for.ts";

/** A connection with one channel that confirms. Disposing it closes it. */
export interface BrokerClient extends AsyncDisposable {
  readonly channel: ConfirmChannel;
  /** Declares a durable queue, empty. */
  queue(name: string, options?: Parameters<ConfirmChannel["assertQueue"]>[1]): Promise<void>;
  /** Publishes messages to an exchange; resolves when they are there. */
  publish(exchange: string, routingKey: string, messages: readonly string[]): Promise<void>;
  /** Puts messages into a queue; resolves when they are there. */
  put(queue: string, messages: readonly string[]): Promise<void>;
  /** Takes so many messages out of a queue, waiting for them. */
  take(queue: string, count: number, timeoutMs?: number): Promise<GetMessage[]>;
  /** Takes all messages that a queue holds now, by the thousand. */
  takeAll(queue: string): Promise<ConsumeMessage[]>;
  /** How many messages a queue holds that wait for a consumer. */
  ready(queue: string): Promise<number>;
}

/** Connects to a broker. */
export async function brokerClient(url: string): Promise<BrokerClient> {
  const connection = await connect(url);
  connection.on("error", () => {});
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => {});
  const publish = async (exchange: string, routingKey: string, messages: readonly string[]) => {
    for (const message of messages) {
      channel.publish(exchange, routingKey, Buffer.from(message), { contentType: "application/json" });
    }
    await channel.waitForConfirms();
  };
  return {
    channel,
    async queue(name, options) {
      await channel.deleteQueue(name);
      await channel.assertQueue(name, { durable: true, ...options });
    },
    publish,
    put: (queue, messages) => publish("", queue, messages),
    async take(queue, count, timeoutMs) {
      const taken: GetMessage[] = [];
      await waitFor(`${count} messages in ${queue}`, async () => {
        for (let next; taken.length < count && (next = await channel.get(queue, { noAck: true }));) {
          taken.push(next);
        }
        return taken.length === count;
      }, { timeoutMs });
      return taken;
    },
    async takeAll(queue) {
      const { messageCount } = await channel.checkQueue(queue);
      const taken: ConsumeMessage[] = [];
      if (messageCount === 0) return taken;
      const all = Promise.withResolvers<void>();
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message !== null && taken.push(message) === messageCount) all.resolve();
      }, { noAck: true });
      await all.promise;
      await channel.cancel(consumerTag);
      return taken;
    },
    async ready(queue) {
      return (await channel.checkQueue(queue)).messageCount;
    },
    async [Symbol.asyncDispose]() {
      await connection.close().catch(() => {});
    },
  };
}

/** A broker that is spoken to without TLS. */
export function plain(connection: URL): Broker {
  return {
    connection,
    tlsCaFile: undefined,
    tlsCertFile: undefined,
    tlsKeyFile: undefined,
    tlsServerName: undefined,
  };
}
