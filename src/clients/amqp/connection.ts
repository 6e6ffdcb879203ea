// A channel of a connection to RabbitMQ, opened once, and its faults in words. Opening it again is its user's.
// amqplib is loaded only when it is used.
import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import type { Socket } from "node:net";
import { Fault } from "../../lib/errors.ts";
import { printable } from "../../lib/settings/redact.ts";
import type { Setting } from "../../lib/settings/setting.ts";
import { url } from "../../lib/settings/parsers.ts";
import { type Tls, tlsOptions } from "../tls/settings.ts";
import { explainTls } from "../tls/handshake_error.ts";

/** The setting of an AMQP connection. */
export function amqpUrl(env: string, help: string): Setting<URL> {
  const example = "amqp://guest:guest@localhost:5672/";
  const setting = url({ env, help, example, secret: true }, ["amqp", "amqps"]);
  return {
    ...setting,
    parse(text) {
      const value = setting.parse(text);
      const heartbeat = value.searchParams.get("heartbeat") ?? "0";
      if (!/^[0-9]{1,5}$/.test(heartbeat) || Number(heartbeat) > 65535) {
        throw new Error("whose heartbeat is not a whole number of seconds from 0 to 65535");
      }
      return value;
    },
  };
}

/** Where a RabbitMQ is and how it is spoken to: values of settings whose variables begin with the prefix. */
export interface Broker extends Tls {
  readonly connection: URL;
}

/** An open channel. */
export interface OpenChannel<C extends Channel> {
  readonly channel: C;
  /** False as soon as channel or connection is closed. */
  readonly usable: boolean;
  /** What came of the broker so far, heartbeats included. */
  readonly bytesRead: number;
  /** The version of RabbitMQ, as it says itself. */
  readonly version: string;
  /** Asks on a channel of its own: an answer that closes it leaves the other one open. */
  aside<T>(ask: (channel: Channel) => Promise<T>): Promise<T>;
  /** What is sent in this turn of the event loop leaves in one write: each has its price, here and in the broker. */
  sendTogether(): void;
  /** Closes channel and connection, without a word to `onLost`. */
  close(): Promise<void>;
}

/** Milliseconds for a connection to be made, handshake included. */
const connectTimeout = 5_000;
/** Milliseconds for a connection to be closed in an orderly way. */
const closeTimeout = 5_000;
/** Seconds: a peer silent for twice as long is gone. */
const heartbeat = 10;

/** Seconds between two heartbeats at most; 0 for none. */
export function heartbeatOf({ connection }: Broker): number {
  return Number(connection.searchParams.get("heartbeat") ?? heartbeat);
}

/** Opens a connection with one channel. `onLost` is called once when either is closed by somebody else later.
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
  const url = broker.connection;
  let opened = false;
  let usable = true;
  let cause: unknown;
  let ended: Promise<void> | undefined;
  const end = (channel?: C) => ended ??= endConnection(connection, channel);
  const lose = (error?: unknown) => {
    cause ??= error;
    if (!usable) return;
    usable = false;
    end();
    // Not yet: a connection's channels are closed just before it, without the reason.
    if (opened) queueMicrotask(() => onLost(explain(cause ?? new Error("closed by the broker"), url)));
  };
  const connection = await establish(prefix, broker);
  connection.on("error", (error) => cause ??= error);
  connection.on("close", lose);
  let channel: C;
  try {
    channel = await create(connection);
    if (!usable) throw new Error("closed by the broker");
  } catch (error) {
    usable = false;
    await end();
    throw explain(cause ?? error, url);
  }
  opened = true;
  channel.on("error", (error) => cause ??= error);
  // Before amqplib's own, which tells the publishers of unconfirmed messages.
  channel.prependListener("close", () => lose());
  return {
    channel,
    get usable() {
      return usable;
    },
    get bytesRead() {
      return streamOf(connection).bytesRead;
    },
    version: String(connection.connection.serverProperties.version),
    aside: (ask) => aside(connection, ask),
    sendTogether: together(streamOf(connection)),
    close() {
      usable = false;
      return end(channel);
    },
  };
}

async function aside<T>(connection: ChannelModel, ask: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    return await ask(channel);
  } finally {
    await channel.close().catch(() => {});
  }
}

/** Holds what is written to the stream back until amqplib, which takes its turn in between, has written all. */
function together(stream: Socket): () => void {
  let held = false;
  const release = () => {
    held = false;
    stream.uncork();
  };
  return () => {
    if (held) return;
    held = true;
    stream.cork();
    setImmediate(() => setImmediate(release));
  };
}

function streamOf(connection: ChannelModel): Socket {
  return (connection.connection as unknown as { stream: Socket }).stream;
}

/** amqplib's own `close()` overtakes what a channel has to send, and waits for an answer for ever. */
async function endConnection(connection: ChannelModel, channel?: Channel): Promise<void> {
  const { blocked } = connection.connection as unknown as { blocked: boolean };
  const stream = streamOf(connection);
  // A broker that blocks does not read, a goodbye as little as alerts.
  if (blocked) stream.destroy(new Error("blocked"));
  const gone = stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once("close", resolve));
  // With an error, without which amqplib goes on sending heartbeats.
  const timer = setTimeout(() => stream.destroy(new Error("no answer")), closeTimeout);
  await Promise.race([channel?.close().catch(() => {}), gone]);
  connection.close().catch(() => {});
  await gone;
  clearTimeout(timer);
}

async function establish(prefix: string, broker: Broker): Promise<ChannelModel> {
  // The default, which alone is there in a bundle too: amqplib is CommonJS.
  const { default: { connect, credentials } } = await import("amqplib");
  const url = broker.connection;
  const encrypted = url.protocol === "amqps:";
  const address = new URL(url);
  if (!address.searchParams.has("heartbeat")) address.searchParams.set("heartbeat", String(heartbeat));
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

/** The text with its percent escapes taken for UTF-8; what is none is left as it stands. */
function unescaped(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/** An error of amqplib as a fault: where, what the broker said, and what to do. */
export function explain(error: unknown, url: URL): Fault {
  if (error instanceof Fault) return error;
  const where = printable(url);
  const said = error instanceof Error
    ? error.message || (error as { code?: string }).code || error.name
    : String(error);
  if (
    /ACCESS[_-]REFUSED.*(login|authentication|credentials)|403 \(ACCESS-REFUSED\)/i.test(said) &&
    /andshake/.test(said)
  ) {
    return new Fault(`${where} refused user and password; set the right ones in the URL`, "config");
  }
  // amqplib does not pass on what the broker says here; only the virtual host is decided at this point.
  if (/Expected ConnectionOpenOk/.test(said)) {
    return new Fault(
      `${where} refused the virtual host: it does not exist, or the user may not use it; set another one in the URL`,
      "config",
    );
  }
  if (/exceeds maxFrameSize/.test(said)) {
    return new Fault(`${where} does not speak AMQP; set another port in the URL`);
  }
  if (/closed abruptly during opening handshake/.test(said)) {
    return new Fault(
      `${where} closes connections at once; it may be starting, or expect TLS, which is amqps://`,
    );
  }
  const [, what, words] = /^(Channel|Connection) closed.* with message "(.*)"$/s.exec(said) ?? [];
  if (what !== undefined) return new Fault(`${where} closed the ${what.toLowerCase()}: ${words}`);
  return new Fault(`${where}: ${said}`);
}
