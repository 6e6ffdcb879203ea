// A producer of kafkajs with its sockets in hand, so that it can be closed at once. kafkajs is loaded only when one is
// opened.
import type { Admin, KafkaConfig, Message, Producer } from "kafkajs";
import { isIP, type Socket } from "node:net";
import { connect } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { Fault } from "../../lib/errors.ts";
import { mendTimers } from "./kafkajs_internals.ts";

/** How to reach a cluster. */
export interface Cluster {
  /** `host:port` of some of its brokers. */
  readonly brokers: readonly string[];
  /** Where connections are encrypted. */
  readonly tls?: ConnectionOptions;
  readonly login?: { readonly username: string; readonly password: string };
}

const connectTimeout = 5_000;
const answerTimeout = 10_000;
const keepAliveAfter = 30_000;

/** Connects to a cluster, through the first of its brokers that answers. */
export async function openProducer(cluster: Cluster, closed: AbortSignal): Promise<OpenProducer> {
  // The default, which alone is there in a bundle too: kafkajs is CommonJS.
  const [{ default: kafkajs }] = await Promise.all([import("kafkajs"), mendTimers()]);
  const { Kafka, Partitioners } = kafkajs;
  const sockets = new Sockets(cluster.tls);
  const kafka = new Kafka(
    {
      clientId: "nomad-crashloop-detector",
      brokers: [...cluster.brokers],
      connectionTimeout: connectTimeout,
      requestTimeout: answerTimeout,
      // Each broker once: when to try again is decided once for all sinks.
      retry: { retries: cluster.brokers.length - 1, initialRetryTime: 20, maxRetryTime: 50 },
      socketFactory: ({ host, port, onConnect }) => sockets.open(host, port, onConnect),
      logCreator: () => () => {}, // each error that it logs it also throws
      ...(cluster.tls !== undefined && { ssl: true }),
      ...(cluster.login !== undefined && { sasl: { mechanism: "plain", ...cluster.login } }),
    } satisfies KafkaConfig,
  );
  // Not idempotent: its numbers do not outlive a fault, after which another alert would get the number of one that the
  // brokers may have stored, and would be taken for it.
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    retry: { retries: 0 },
  });
  const open = new OpenProducer(producer, kafka.admin({ retry: { retries: 0 } }), sockets);
  const abort = () => open.close();
  closed.addEventListener("abort", abort);
  try {
    await open.settle(producer.connect());
    return open;
  } catch (error) {
    const { handshakeError } = sockets;
    open.close();
    throw handshakeError ?? error;
  } finally {
    closed.removeEventListener("abort", abort);
  }
}

/** A connected producer. */
export class OpenProducer {
  readonly #producer: Producer;
  readonly #admin: Admin;
  readonly #sockets: Sockets;
  readonly #ended = Promise.withResolvers<never>();
  readonly #running = new Set<Promise<unknown>>();
  /** Resolves when nothing of it is left. */
  closing: Promise<void> | undefined;

  constructor(producer: Producer, admin: Admin, sockets: Sockets) {
    this.#producer = producer;
    this.#admin = admin;
    this.#sockets = sockets;
    this.#ended.promise.catch(() => {});
  }

  get usable(): boolean {
    return this.closing === undefined;
  }

  /** Resolves when all brokers that must have the messages have stored them. */
  async send(topic: string, messages: Message[]): Promise<void> {
    await this.settle(this.#producer.send({ topic, messages, acks: -1, timeout: answerTimeout }));
  }

  /** How many partitions a topic has. Fails where it does not exist. */
  async partitions(topic: string): Promise<number> {
    return await this.settle((async () => {
      await this.#admin.connect();
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] });
      await this.#admin.disconnect();
      return topics[0]?.partitions.length ?? 0;
    })());
  }

  /** Ends it at once. What is not answered fails with the reason. */
  close(reason: Fault = new Fault("closed")): void {
    if (this.closing !== undefined) return;
    this.#ended.reject(reason);
    this.#sockets.close();
    this.closing = Promise.allSettled([
      this.#producer.disconnect(),
      this.#admin.disconnect(),
      ...this.#running,
    ])
      .then(() => {});
  }

  /** What a promise yields, or until the end. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    this.#running.add(promise);
    try {
      return await Promise.race([promise, this.#ended.promise]);
    } finally {
      promise.finally(() => this.#running.delete(promise)).catch(() => {});
    }
  }
}

/** An error of a socket with TLS, of which kafkajs passes on only the words. */
export class HandshakeError extends Error {
  constructor(override readonly cause: Error, readonly host: string, readonly port: number) {
    super(cause.message, { cause });
  }
}

/** The sockets of one producer. */
class Sockets {
  /** The last error of TLS. */
  handshakeError: HandshakeError | undefined;
  readonly #tls: ConnectionOptions | undefined;
  readonly #open = new Set<Socket>();
  #closed = false;

  constructor(tls: ConnectionOptions | undefined) {
    this.#tls = tls;
  }

  open(host: string, port: number, onConnect: () => void): Socket {
    if (this.#closed) throw new Error("closed");
    const socket = this.#tls === undefined
      ? connect({ host, port }, onConnect)
      : connectTls({ ...(isIP(host) === 0 && { servername: host }), ...this.#tls, host, port }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveAfter);
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    if (this.#tls !== undefined) {
      socket.on("error", (error) => this.handshakeError = new HandshakeError(error, host, port));
    }
    return socket;
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#open) socket.destroy(new Error("closed"));
  }
}
