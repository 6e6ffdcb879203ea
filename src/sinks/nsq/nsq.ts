// The sink `nsq`: publishes alerts to a topic of one nsqd, whose OK confirms.
import { LazyConnection } from "../../clients/tcp/lazy_connection.ts";
import { PipelinedConnection } from "../../clients/tcp/pipelined_connection.ts";
import { hostPort, showHostPort } from "../../clients/tcp/settings.ts";
import { openSocket } from "../../clients/tcp/socket.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { Fault } from "../../lib/errors.ts";
import { plain } from "../../lib/escape.ts";
import { text } from "../../lib/settings/parsers.ts";
import type { Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { type Frame, FrameDecoder, greeting, noOperation, publish } from "./frames.ts";

const settings = {
  addr: hostPort({
    env: "SINK_NSQ_ADDR",
    help: "address of the nsqd that alerts go to",
    example: "localhost:4150",
  }),
  topic: text(
    { env: "SINK_NSQ_TOPIC_NAME", help: "topic that alerts are published to", example: "crash-loops" },
    "1 to 64 of the letters a-z and A-Z, digits, and _.-, and perhaps #ephemeral",
    /^[.a-zA-Z0-9_-]{1,64}(?:#ephemeral)?$/,
  ),
};

/** The adapter of the sink `nsq`. */
export const nsq = defineSink({
  type: "nsq",
  settings,
  open: (values, context, prefix) => new NsqSink(values, context, prefix),
});

/** Milliseconds between two heartbeats of nsqd; it ends a connection after two without an answer. */
const heartbeatInterval = 30_000;

/** What nsqd says of itself. */
interface Nsqd {
  readonly version?: string;
  readonly auth_required?: boolean;
}

class NsqSink implements Sink {
  readonly concurrency = 100;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #prefix: string;
  readonly #where: string;
  readonly #connection = new LazyConnection((closed) => this.#connect(closed));
  #version = "";

  constructor(values: Values<typeof settings>, context: SinkContext, prefix: string) {
    this.#prefix = prefix;
    this.#values = values;
    this.#context = context;
    this.#where = `nsqd at ${showHostPort(values.addr)}`;
  }

  async connect(): Promise<void> {
    await this.#connection.get();
  }

  async send(alert: Alert): Promise<void> {
    const connection = await this.#connection.get();
    const body = this.#context.json(alert);
    const { isError, text } = await connection.request(publish(this.#values.topic, body));
    if (!isError && text === "OK") return;
    // It hangs up after each error of PUB. What was sent after this is then sent again.
    const fault = this.#explain(text, new TextEncoder().encode(body).length);
    connection.close(new Fault(`${this.#where} closed the connection after an error about another alert`));
    throw fault;
  }

  async check(): Promise<string> {
    await this.#connection.get();
    return `${this.#where}: connected, version ${this.#version}; nsqd makes the topic "${this.#values.topic}" ` +
      "with the first alert";
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connection[Symbol.dispose]();
    return Promise.resolve();
  }

  async #connect(closed: AbortSignal): Promise<PipelinedConnection<Frame>> {
    const where = this.#where;
    const socket = await openSocket({ where, ...this.#values.addr }, closed);
    let isOpen = false;
    const decoder = new FrameDecoder(where, () => connection.write(noOperation));
    const connection = new PipelinedConnection(socket, where, decoder, (fault) => {
      if (isOpen) this.#context.listener.lost(fault);
    });
    try {
      const nsqd = await this.#greet(connection);
      this.#version = plain(nsqd.version ?? "unknown");
      if (nsqd.auth_required) {
        throw new Fault(`${where} demands authorization, which this sink does not have`, "operator");
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    isOpen = true;
    return connection;
  }

  async #greet(connection: PipelinedConnection<Frame>): Promise<Nsqd> {
    const { isError, text } = await connection.request(greeting({
      client_id: "nomad-crashloop-detector",
      user_agent: "nomad-crashloop-detector",
      feature_negotiation: true,
      heartbeat_interval: heartbeatInterval,
    }));
    if (isError) throw new Fault(`${this.#where} refused the connection: ${plain(text)}`, "operator");
    try {
      return JSON.parse(text);
    } catch {
      return {}; // one of before 0.2.20 answers OK
    }
  }

  #explain(text: string, bytes: number): Fault {
    const said = plain(text);
    if (/^E_BAD_MESSAGE/.test(text)) {
      return new Fault(
        `${this.#where} refused the alert, which has ${bytes} bytes: ${said}; raise its -max-msg-size`,
        "rejected",
      );
    }
    if (/^E_BAD_TOPIC/.test(text)) {
      return new Fault(
        `${this.#where} refused the topic: ${said}; set ${this.#prefix}_TOPIC_NAME`,
        "operator",
      );
    }
    if (/^E_(?:AUTH|UNAUTHORIZED)/.test(text)) {
      return new Fault(`${this.#where} demands authorization, which this sink does not have`, "operator");
    }
    return new Fault(`${this.#where}: ${said}`);
  }
}
