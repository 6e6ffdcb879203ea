// The sink `syslog`: writes alerts as lines of syslog, as Go's log/syslog does, which nomad-firehose uses.
import { hostname } from "node:os";
import process from "node:process";
import { LazyConnection } from "../../clients/tcp/lazy_connection.ts";
import { hostPort } from "../../clients/tcp/settings.ts";
import type { Alert } from "../../detection/alert/alert.ts";
import { namesOf } from "../../lib/settings/setting.ts";
import { choice, optional, text } from "../../lib/settings/parsers.ts";
import type { Values } from "../../lib/settings/setting.ts";
import { defineSink } from "../adapter.ts";
import type { Sink, SinkContext } from "../sink.ts";
import { localPaths, openLocal, openTcp, openUdp, type Transport } from "./transports.ts";

const settings = {
  proto: optional(choice({
    env: "SINK_SYSLOG_PROTO",
    help: "how lines reach the syslog server",
    defaultNote: "the socket of this machine, such as /dev/log",
    example: "tcp",
  }, ["tcp", "udp"])),
  addr: optional(hostPort({
    env: "SINK_SYSLOG_ADDR",
    help: "address of the syslog server; needed with SINK_SYSLOG_PROTO",
    example: "localhost:514",
  })),
  tag: text(
    {
      env: "SINK_SYSLOG_TAG",
      help: "tag of the lines, which is the program's name to the syslog server",
      default: "nomad-crashloop-detector",
      example: "crash-loops",
    },
    "1 to 48 visible characters of ASCII without : and [ and ]",
    /^(?![^]*[:[\]])[!-~]{1,48}$/,
  ),
};

/** The adapter of the sink `syslog`. */
export const syslog = defineSink({
  type: "syslog",
  settings,
  conflicts({ proto, addr }, prefix) {
    const names = [namesOf({ env: `${prefix}_PROTO` }), namesOf({ env: `${prefix}_ADDR` })] as const;
    if (proto !== undefined && addr === undefined) {
      return [`Missing ${names[1]}: ${settings.addr.help}, such as ${settings.addr.example}`];
    }
    return proto === undefined && addr !== undefined
      ? [`Missing ${names[0]}: ${settings.proto.help}, since ${names[1]} is set; tcp or udp`]
      : [];
  },
  open: (values, context, prefix) => new SyslogSink(values, context, prefix),
});

/** Facility kern (0) and severity notice (5), as nomad-firehose has it. */
const priority = 5;

/** The sink; `paths` is where the syslog of this machine can listen. */
export class SyslogSink implements Sink {
  readonly concurrency = 100;
  readonly #values: Values<typeof settings>;
  readonly #context: SinkContext;
  readonly #transport: LazyConnection<Transport>;
  readonly #header: (now: Date) => string;

  constructor(values: Values<typeof settings>, context: SinkContext, prefix: string, paths = localPaths) {
    const { proto, addr, tag } = values;
    this.#values = values;
    this.#context = context;
    const program = `${tag}[${process.pid}]: `;
    this.#header = proto === undefined
      ? (now) => `<${priority}>${localTime(now)} ${program}`
      : (now) => `<${priority}>${now.toISOString().replace(/\.\d+/, "")} ${ownName()} ${program}`;
    this.#transport = new LazyConnection((closed) =>
      proto === undefined
        ? openLocal(prefix, paths)
        : proto === "udp"
        ? openUdp(prefix, addr!)
        : openTcp(addr!, closed, (fault) => context.listener.lost(fault))
    );
  }

  async connect(): Promise<void> {
    await this.#transport.get();
  }

  async send(alert: Alert): Promise<void> {
    const transport = await this.#transport.get();
    await transport.send(this.#header(new Date()) + this.#context.json(alert));
  }

  async check(): Promise<string> {
    const { where } = await this.#transport.get();
    switch (this.#values.proto) {
      case "tcp":
        return `${where}: connected; syslog does not confirm what it gets`;
      case "udp":
        return `${where}: whether somebody listens cannot be known, since UDP confirms nothing`;
      default:
        return `${where}: is there; syslog does not confirm what it gets`;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#transport[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** The name of this machine. */
function ownName(): string {
  return hostname() || "localhost";
}

/** `Nov  5 07:08:09`, in the time of this machine, as its syslog expects. */
function localTime(now: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const month = now.toLocaleString("en-US", { month: "short" });
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(":");
  return `${month} ${String(now.getDate()).padStart(2, " ")} ${time}`;
}
