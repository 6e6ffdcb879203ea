// The sink `redis`: appends alerts to a list with RPUSH, whose answer confirms.
import { LazyConnection } from "../../clients/tcp/lazy_connection.ts";
import { PipelinedConnection } from "../../clients/tcp/pipelined_connection.ts";
import { type Address, openSocket } from "../../clients/tcp/socket.ts";
import { tlsConflicts, tlsSettings } from "../../clients/tls/settings.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { Fault } from "../../lib/errors.ts";
import { text, url } from "../../lib/settings/parsers.ts";
import { printable, quoted } from "../../lib/settings/redact.ts";
import type { Setting, Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { asksForAnother, explainRefusal, type Place } from "./errors.ts";
import { command, RedisError, type Reply, ReplyDecoder } from "./resp.ts";

const prefix = "SINK_REDIS";
const defaultPort = "6379";

const settings = {
  url: redisUrl(),
  key: text({
    env: `${prefix}_KEY`,
    help: "key of the list that alerts are appended to with RPUSH",
    example: "crash-loops",
  }),
  ...tlsSettings(prefix, "redis"),
};

/** The setting of a Redis: its port and database are in the URL that it yields. */
function redisUrl(): Setting<URL> {
  const setting = url(
    {
      env: `${prefix}_URL`,
      help: "URL of the Redis that alerts go to, with user, password and the number of the database",
      example: "redis://:secret@localhost:6379/0",
      secret: true,
    },
    ["redis", "rediss"],
  );
  return {
    ...setting,
    parse(text) {
      const value = setting.parse(text);
      if (!/^\/?\d*$/.test(value.pathname)) throw new Error("whose path is not the number of a database");
      if (value.username !== "" && value.password === "") {
        throw new Error("with a user but no password; a password alone is written :password@");
      }
      value.port ||= defaultPort;
      return value;
    },
  };
}

/** The adapter of the sink `redis`. */
export const redis = defineSink({
  type: "redis",
  settings,
  conflicts: (values, prefix) => tlsConflicts(prefix, values, values.url, "rediss"),
  open: (values, context, prefix) => new RedisSink(values, context, prefix),
});

/** Milliseconds between two PINGs, which keep a server's limit of idle time off and find out a lost one. */
const pingInterval = 30_000;

class RedisSink implements Sink {
  readonly concurrency = 100;
  readonly #key: string;
  readonly #context: SinkContext;
  readonly #address: Address;
  readonly #login: readonly (readonly string[])[];
  readonly #place: Place;
  readonly #connection = new LazyConnection((closed) => this.#connect(closed));
  #pings: ReturnType<typeof setInterval> | undefined;

  constructor({ url, key, ...tls }: Values<typeof settings>, context: SinkContext, prefix: string) {
    const database = url.pathname.slice(1) || "0";
    const where = printable(url);
    this.#key = key;
    this.#context = context;
    this.#place = { where, prefix, key: quoted(key), database };
    this.#address = {
      where,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port),
      ...(url.protocol === "rediss:" && { tls: { prefix, values: tls, url } }),
    };
    const [user, password] = [url.username, url.password].map(unescaped) as [string, string];
    this.#login = [
      ...(password === "" ? [] : [["AUTH", ...(user === "" ? [] : [user]), password]]),
      ...(database === "0" ? [] : [["SELECT", database]]),
    ];
  }

  async connect(): Promise<void> {
    await this.#lookForList(await this.#connection.get());
  }

  async send(alert: Alert): Promise<void> {
    await this.#ask(await this.#connection.get(), "RPUSH", this.#key, this.#context.json(alert));
  }

  async check(): Promise<string> {
    const { where, key } = this.#place;
    const type = await this.#lookForList(await this.#connection.get());
    const found = {
      list: "is a list",
      none: "is not there yet, the first alert makes it",
      hidden: "may not be looked at by this user, the first alert will show",
    }[type];
    return `${where}: connected; the key ${key} ${found}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#pings);
    this.#connection[Symbol.dispose]();
    return Promise.resolve();
  }

  async #connect(closed: AbortSignal): Promise<PipelinedConnection<Reply>> {
    const { where } = this.#address;
    const socket = await openSocket(this.#address, closed);
    let isOpen = false;
    const connection = new PipelinedConnection(socket, where, new ReplyDecoder(where), (fault) => {
      if (isOpen) this.#context.listener.lost(fault);
    });
    try {
      await Promise.all(this.#login.map((words) => this.#ask(connection, ...words)));
      // It shows whether a login would have been needed. A user need not be allowed to.
      const pong = await connection.request(command("PING"));
      if (pong instanceof RedisError && !pong.said.startsWith("NOPERM")) {
        throw this.#refused(connection, pong);
      }
    } catch (error) {
      const isLost = !connection.usable;
      connection.close();
      throw isLost && this.#address.tls === undefined ? this.#perhapsTls(error as Fault) : error;
    }
    isOpen = true;
    clearInterval(this.#pings);
    this.#pings = setInterval(() => this.#ping(connection), pingInterval);
    return connection;
  }

  /** A server that expects TLS hangs up on what is none. */
  #perhapsTls(fault: Fault): Fault {
    return /(?:closed the connection|connection lost)$/.test(fault.message)
      ? new Fault(`${this.#place.where} ends the connection at once; it may expect TLS, which is rediss://`)
      : fault;
  }

  #ping(connection: PipelinedConnection<Reply>): void {
    if (!connection.usable) return clearInterval(this.#pings);
    // Where it fails, the connection says so itself.
    if (connection.pending === 0) connection.request(command("PING")).catch(() => {});
  }

  /** Whether the key is a list, as far as the user may know. @throws {Fault} where it is something else. */
  async #lookForList(connection: PipelinedConnection<Reply>): Promise<"list" | "none" | "hidden"> {
    const type = await connection.request(command("TYPE", this.#key));
    if (type === "list" || type === "none") return type;
    if (type instanceof RedisError && type.said.startsWith("NOPERM")) return "hidden";
    throw this.#refused(connection, type instanceof RedisError ? type : new RedisError("WRONGTYPE"));
  }

  /** Sends a command and waits until it is done. @throws {Fault} */
  async #ask(connection: PipelinedConnection<Reply>, ...words: readonly string[]): Promise<void> {
    const reply = await connection.request(command(...words));
    if (reply instanceof RedisError) throw this.#refused(connection, reply);
  }

  #refused(connection: PipelinedConnection<Reply>, error: RedisError): Fault {
    const fault = explainRefusal(error, this.#place);
    if (asksForAnother.test(error.said)) connection.close(fault);
    return fault;
  }
}

/** Decodes percent escapes; invalid ones are left as they are. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
