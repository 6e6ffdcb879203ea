// A channel on a connection of its own to RabbitMQ, opened once. It does not reconnect; its user does. amqplib is loaded
// only when a connection is opened.
import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import type { Socket } from "node:net";
import type { Fault } from "../../lib/errors.ts";
import { explainTls } from "../tls/handshake_error.ts";
import { tlsOptions } from "../tls/settings.ts";
import { isBlocked, socketOf, versionOf } from "./amqplib_internals.ts";
import { explain } from "./errors.ts";
import { type Broker, defaultHeartbeat } from "./settings.ts";

/** An open channel on a connection of its own. */
export interface OpenChannel<C extends Channel> {
  readonly channel: C;
  /** False as soon as channel or connection is closed. */
  readonly usable: boolean;
  /** Bytes received from the broker so far, heartbeats included. */
  readonly bytesRead: number;
  /** The version of RabbitMQ, as it says itself. */
  readonly version: string;
  /** Runs a request on another channel, so that a reply that closes the channel leaves this one open. */
  aside<T>(ask: (channel: Channel) => Promise<T>): Promise<T>;
  /** Sends everything of this turn of the event loop in one write: each write costs, here and in the broker. */
  sendTogether(): void;
  /** Closes channel and connection, without calling `onLost`. */
  close(): Promise<void>;
}

/** Milliseconds to connect, handshake included. */
const connectTimeout = 5_000;
/** Milliseconds to close a connection in an orderly way. */
const closeTimeout = 5_000;
/** Opens a connection with one channel. `onLost` is called once if the broker or the network closes either later.
 * @throws {Fault} */
export function openChannel(
  prefix: string,
  broker: Broker,
  onLost: (fault: Fault) => void,
): Promise<OpenChannel<Channel>> {
  return open(prefix, broker, onLost, (connection) => connection.createChannel());
}

/** Like `openChannel`, with publisher confirms. `onBlocked` is called with the broker's reason when it takes no more
 * messages for now, and without one when it does again. */
export function openConfirmChannel(
  prefix: string,
  broker: Broker,
  onLost: (fault: Fault) => void,
  onBlocked: (reason?: string) => void = () => {},
): Promise<OpenChannel<ConfirmChannel>> {
  return open(prefix, broker, onLost, (connection) => {
    connection.on("blocked", onBlocked);
    connection.on("unblocked", () => onBlocked());
    return connection.createConfirmChannel();
  });
}

async function open<C extends Channel>(
  prefix: string,
  broker: Broker,
  onLost: (fault: Fault) => void,
  create: (connection: ChannelModel) => Promise<C>,
): Promise<OpenChannel<C>> {
  const connection = new AmqpConnection<C>(await establish(prefix, broker), broker.connection, onLost);
  await connection.open(create);
  return connection;
}

/** A connection with its one channel. */
class AmqpConnection<C extends Channel> implements OpenChannel<C> {
  channel!: C;
  readonly version: string;
  readonly #model: ChannelModel;
  readonly #url: URL;
  readonly #onLost: (fault: Fault) => void;
  /** `lost`: the broker or the network ended it; `closed`: this program did. */
  #state: "opening" | "open" | "lost" | "closed" = "opening";
  /** The first error, which says most about why it was lost. */
  #cause: unknown;
  #ended: Promise<void> | undefined;
  readonly #cork: () => void;

  constructor(model: ChannelModel, url: URL, onLost: (fault: Fault) => void) {
    this.#model = model;
    this.#url = url;
    this.#onLost = onLost;
    this.#cork = corker(socketOf(model));
    this.version = versionOf(model);
    model.on("error", (error) => this.#cause ??= error);
    model.on("close", (error) => this.#lose(error));
  }

  /** @throws {Fault} */
  async open(create: (connection: ChannelModel) => Promise<C>): Promise<void> {
    try {
      this.channel = await create(this.#model);
      if (this.#state === "lost") throw new Error("closed by the broker");
    } catch (error) {
      this.#state = "closed";
      await this.#end();
      throw explain(this.#cause ?? error, this.#url);
    }
    this.#state = "open";
    this.channel.on("error", (error) => this.#cause ??= error);
    // Before amqplib's own listener, which rejects unconfirmed messages.
    this.channel.prependListener("close", () => this.#lose());
  }

  get usable(): boolean {
    return this.#state === "open";
  }

  get bytesRead(): number {
    return socketOf(this.#model).bytesRead;
  }

  async aside<T>(ask: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.#model.createChannel();
    channel.on("error", () => {});
    try {
      return await ask(channel);
    } finally {
      await channel.close().catch(() => {});
    }
  }

  sendTogether(): void {
    this.#cork();
  }

  close(): Promise<void> {
    this.#state = "closed";
    return this.#end(this.channel);
  }

  #lose(error?: unknown): void {
    this.#cause ??= error;
    if (this.#state === "lost" || this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "lost";
    this.#end();
    if (!wasOpen) return;
    // Not yet: a connection's channels are closed just before it, without the reason.
    queueMicrotask(() => this.#onLost(explain(this.#cause ?? new Error("closed by the broker"), this.#url)));
  }

  #end(channel?: C): Promise<void> {
    return this.#ended ??= endConnection(this.#model, channel);
  }
}

/** Returns a function that holds back what is written until amqplib, which yields in between, has written all of it. */
function corker(socket: Socket): () => void {
  let held = false;
  const release = () => {
    held = false;
    socket.uncork();
  };
  return () => {
    if (held) return;
    held = true;
    socket.cork();
    setImmediate(() => setImmediate(release));
  };
}

/** amqplib's own `close()` overtakes what a channel has to send, and waits for an answer indefinitely. */
async function endConnection(model: ChannelModel, channel?: Channel): Promise<void> {
  const socket = socketOf(model);
  // A broker that blocks reads nothing, not even a close.
  if (isBlocked(model)) socket.destroy(new Error("blocked"));
  const gone = socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once("close", resolve));
  // With an error: without one, amqplib continues to send heartbeats.
  const timer = setTimeout(() => socket.destroy(new Error("no answer")), closeTimeout);
  await Promise.race([channel?.close().catch(() => {}), gone]);
  model.close().catch(() => {});
  await gone;
  clearTimeout(timer);
}

async function establish(prefix: string, broker: Broker): Promise<ChannelModel> {
  // The default, which alone is there in a bundle too: amqplib is CommonJS.
  const { default: { connect, credentials } } = await import("amqplib");
  const url = broker.connection;
  const encrypted = url.protocol === "amqps:";
  const address = new URL(url);
  if (!address.searchParams.has("heartbeat")) address.searchParams.set("heartbeat", String(defaultHeartbeat));
  try {
    return await connect(address.href, {
      ...(encrypted && tlsOptions(prefix, broker)),
      noDelay: true,
      credentials: credentials.plain(...credentialsOf(url)),
      timeout: connectTimeout,
      clientProperties: { connection_name: "nomad-crashloop-detector" },
    });
  } catch (error) {
    throw encrypted && await explainTls(error, prefix, broker, url) || explain(error, url);
  }
}

/** User and password. amqplib itself takes their percent escapes for Latin 1. */
function credentialsOf({ username, password }: URL): [user: string, password: string] {
  if (username === "" && password === "") return ["guest", "guest"];
  return [unescaped(username), unescaped(password)];
}

/** Decodes percent escapes as UTF-8; invalid ones are left as they are. */
function unescaped(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}
