// A channel of a connection to RabbitMQ, opened once, and its faults in words. Opening it again is its user's.
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from "amqplib";
import { Fault } from "../fault.ts";
import { printable, type Setting, url } from "../settings.ts";

/** The setting of an AMQP connection. */
export function amqpUrl(env: string, help: string): Setting<URL> {
  return url({ env, help, example: "amqp://guest:guest@localhost:5672/", secret: true }, ["amqp", "amqps"]);
}

/** An open channel. */
export interface OpenChannel<C extends Channel> {
  readonly channel: C;
  /** False as soon as channel or connection is closed. */
  readonly usable: boolean;
  /** Closes channel and connection, without a word to `onLost`. */
  close(): Promise<void>;
}

/** Milliseconds for a connection to be made, handshake included. */
const connectTimeout = 5_000;
/** Seconds: a peer silent for twice as long is gone. */
const heartbeat = 10;

/** Opens a connection with one channel. `onLost` is called once when either is closed by somebody else. @throws {Fault} */
export function openChannel(url: URL, onLost: (fault: Fault) => void): Promise<OpenChannel<Channel>> {
  return open(url, onLost, (connection) => connection.createChannel());
}

/** Like `openChannel`, with publisher confirms. */
export function openConfirmChannel(
  url: URL,
  onLost: (fault: Fault) => void,
): Promise<OpenChannel<ConfirmChannel>> {
  return open(url, onLost, (connection) => connection.createConfirmChannel());
}

async function open<C extends Channel>(
  url: URL,
  onLost: (fault: Fault) => void,
  create: (connection: ChannelModel) => Promise<C>,
): Promise<OpenChannel<C>> {
  let usable = true;
  let cause: unknown;
  const lose = (error?: unknown) => {
    if (!usable) return;
    usable = false;
    onLost(explain(cause ?? error ?? new Error("closed by the broker"), url));
    connection.close().catch(() => {});
  };
  const connection = await establish(url);
  connection.on("error", (error) => cause ??= error);
  connection.on("close", lose);
  let channel: C;
  try {
    channel = await create(connection);
  } catch (error) {
    usable = false;
    throw explain(error, url);
  }
  channel.on("error", (error) => cause ??= error);
  channel.on("close", lose);
  return {
    channel,
    get usable() {
      return usable;
    },
    async close() {
      usable = false;
      // The channel first: what it still has to send, acknowledgements say, is overtaken by the connection's end.
      await channel.close().catch(() => {});
      await connection.close().catch(() => {});
    },
  };
}

async function establish(url: URL): Promise<ChannelModel> {
  const address = new URL(url);
  if (!address.searchParams.has("heartbeat")) address.searchParams.set("heartbeat", String(heartbeat));
  try {
    return await connect(address.href, {
      noDelay: true,
      timeout: connectTimeout,
      clientProperties: { connection_name: "nomad-crashloop-detector" },
    });
  } catch (error) {
    throw explain(error, url);
  }
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
    return new Fault(`${where} refused user and password; set the right ones in the URL`, "misconfigured");
  }
  // amqplib does not pass on what the broker says here; only the virtual host is decided at this point.
  if (/Expected ConnectionOpenOk/.test(said)) {
    return new Fault(
      `${where} refused the virtual host: it does not exist, or the user may not use it; set another one in the URL`,
      "misconfigured",
    );
  }
  return new Fault(`${where}: ${said}`);
}
