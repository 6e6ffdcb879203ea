// The sink `kafka`: writes alerts to a topic, by the loop's id as key, confirmed by all replicas in sync.
import type { ConnectionOptions } from "node:tls";
import { LazyConnection } from "../../clients/tcp/lazy_connection.ts";
import { type HostPort, hostPorts, showHostPort } from "../../clients/tcp/settings.ts";
import { explainHandshake } from "../../clients/tls/handshake_error.ts";
import { certificates, pair } from "../../clients/tls/settings.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import type { Fault } from "../../lib/errors.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import { optional, text } from "../../lib/settings/parsers.ts";
import type { Setting, Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { explainKafka, type Place } from "./errors.ts";
import { HandshakeError, type OpenProducer, openProducer } from "./producer.ts";

const prefix = "SINK_KAFKA";

const settings = {
  brokers: brokers(),
  topic: text(
    {
      env: `${prefix}_TOPIC`,
      help: "topic that alerts are written to; it must exist",
      example: "crash-loops",
    },
    "1 to 249 of the letters a-z and A-Z, digits, and _.-",
    /^(?!\.\.?$)[a-zA-Z0-9._-]{1,249}$/,
  ),
  caCertPath: optional(text({
    env: `${prefix}_CA_CERT_PATH`,
    help: "PEM file of CA certificates to trust in place of the public ones; turns TLS on",
    example: "/etc/kafka/ca.pem",
  })),
  certPath: optional(text({
    env: `${prefix}_CERT_PATH`,
    help: "PEM file of the client certificate",
    example: "/etc/kafka/client.pem",
  })),
  keyPath: optional(text({
    env: `${prefix}_KEY_PATH`,
    help: "PEM file of the client certificate's private key",
    example: "/etc/kafka/client.key",
  })),
  user: optional(text({ env: `${prefix}_USER`, help: "user for SASL/PLAIN", example: "detector" })),
  password: optional(text({
    env: `${prefix}_PASSWORD`,
    help: "password for SASL/PLAIN",
    example: "3f9c…",
    secret: true,
  })),
};

function brokers(): Setting<readonly HostPort[]> {
  const setting = hostPorts({
    env: `${prefix}_BROKERS`,
    help: "addresses of Kafka brokers, of which one that answers suffices",
    example: "kafka-1:9092,kafka-2:9092",
  });
  return {
    ...setting,
    accepts: "HOST:PORT, one or more, separated by commas",
    parse(text) {
      const found = setting.parse(text);
      // kafkajs takes what stands before the first colon for the host.
      if (found.some(({ host }) => host.includes(":"))) {
        throw new Error("with an IPv6 address; give it a name");
      }
      return found;
    },
  };
}

/** The adapter of the sink `kafka`. */
export const kafka = defineSink({
  type: "kafka",
  settings,
  conflicts({ caCertPath, certPath, keyPath, user, password }, prefix) {
    const needs = (one: unknown, other: unknown, env: string, help: string, since: string) =>
      one === undefined || other !== undefined ? [] : [
        `Missing ${namesOf({ env: prefix + env })}: ${help}, since ${
          namesOf({ env: prefix + since })
        } is set`,
      ];
    return [
      ...needs(password, user, "_USER", settings.user.help, "_PASSWORD"),
      ...needs(user, password, "_PASSWORD", settings.password.help, "_USER"),
      ...needs(keyPath, certPath, "_CERT_PATH", settings.certPath.help, "_KEY_PATH"),
      ...needs(certPath, keyPath, "_KEY_PATH", settings.keyPath.help, "_CERT_PATH"),
      ...needs(certPath, caCertPath, "_CA_CERT_PATH", settings.caCertPath.help, "_CERT_PATH"),
    ];
  },
  open: (values, context, prefix) => new KafkaSink(values, context, prefix),
});

/** An alert in flight. */
interface Entry {
  readonly alert: Alert;
  readonly confirmed: PromiseWithResolvers<void>;
}

class KafkaSink implements Sink {
  /** What is sent while a batch is in flight is the next batch. */
  readonly concurrency = 100;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #prefix: string;
  readonly #place: Place;
  readonly #producer = new LazyConnection((closed) => this.#open(closed));
  #queue: Entry[] = [];
  #isSending = false;
  #last: OpenProducer | undefined;

  constructor(values: Values<typeof settings>, context: SinkContext, prefix: string) {
    this.#values = values;
    this.#context = context;
    this.#prefix = prefix;
    this.#place = {
      where: `Kafka at ${values.brokers.map(showHostPort).join(",")}`,
      prefix,
      topic: values.topic,
      isEncrypted: values.caCertPath !== undefined,
      hasLogin: values.user !== undefined,
    };
  }

  async connect(): Promise<void> {
    await this.#partitions();
  }

  send(alert: Alert): Promise<void> {
    const entry = { alert, confirmed: Promise.withResolvers<void>() };
    this.#queue.push(entry);
    if (!this.#isSending) void this.#sendQueue();
    return entry.confirmed.promise;
  }

  async check(): Promise<string> {
    const count = await this.#partitions();
    return `${this.#place.where}: connected; the topic "${this.#values.topic}" has ${count} ` +
      (count === 1 ? "partition" : "partitions");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#producer[Symbol.dispose]();
    await this.#last?.closing;
  }

  async #sendQueue(): Promise<void> {
    this.#isSending = true;
    // What is sent in this turn of the event loop goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#sendTogether(this.#queue.splice(0));
    this.#isSending = false;
  }

  async #sendTogether(batch: readonly Entry[]): Promise<void> {
    const { json } = this.#context;
    try {
      await this.#withProducer((producer) =>
        producer.send(
          this.#values.topic,
          batch.map(({ alert }) => ({ key: alert.loop, value: json(alert), headers: { id: alert.id } })),
        )
      );
      for (const { confirmed } of batch) confirmed.resolve();
    } catch (error) {
      const fault = error as Fault;
      if (fault.recovery === "rejected" && batch.length > 1) {
        // One of them is refused; alone each shows whether it is that one.
        for (const entry of batch) await this.#sendTogether([entry]);
      } else {
        for (const { confirmed } of batch) confirmed.reject(fault);
      }
    }
  }

  async #partitions(): Promise<number> {
    return await this.#withProducer((producer) => producer.partitions(this.#values.topic));
  }

  /** After any fault but a refused alert the next attempt begins from scratch: what is known of the cluster may be old. */
  async #withProducer<T>(act: (producer: OpenProducer) => Promise<T>): Promise<T> {
    const producer = await this.#producer.get();
    try {
      return await act(producer);
    } catch (error) {
      const fault = explainKafka(error, this.#place);
      if (fault.recovery !== "rejected") producer.close(fault);
      throw fault;
    }
  }

  async #open(closed: AbortSignal): Promise<OpenProducer> {
    const { brokers, caCertPath, user, password } = this.#values;
    try {
      return this.#last = await openProducer({
        brokers: brokers.map(showHostPort),
        ...(caCertPath !== undefined && { tls: this.#tls() }),
        ...(user !== undefined && password !== undefined && { login: { username: user, password } }),
      }, closed);
    } catch (error) {
      throw await this.#explainHandshake(error) ?? explainKafka(error, this.#place);
    }
  }

  #setting(name: string): Setting<unknown> {
    return { ...settings.caCertPath, env: `${this.#prefix}_${name}` };
  }

  /** The options of TLS, from files that are read again at each connection. @throws {Fault} */
  #tls(): ConnectionOptions {
    const { caCertPath, certPath, keyPath } = this.#values;
    return {
      ca: certificates(this.#setting("CA_CERT_PATH"), caCertPath!),
      ...(certPath !== undefined && keyPath !== undefined &&
        pair(this.#setting("CERT_PATH"), certPath, this.#setting("KEY_PATH"), keyPath)),
    };
  }

  async #explainHandshake(error: unknown): Promise<Fault | undefined> {
    if (!(error instanceof HandshakeError)) return undefined;
    const { host, port, cause } = error;
    return await explainHandshake(cause, {
      where: `Kafka at ${showHostPort({ host, port })}`,
      host,
      port,
      options: () => this.#tls(),
      serverName: undefined,
      caFile: this.#values.caCertPath,
      certFile: this.#values.certPath,
      settings: {
        ca: this.#setting("CA_CERT_PATH"),
        cert: this.#setting("CERT_PATH"),
        key: this.#setting("KEY_PATH"),
      },
    });
  }
}
