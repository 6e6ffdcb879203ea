// How lines reach a syslog server: as datagrams, on one TCP connection, or by the socket of this machine.
import { Buffer } from "node:buffer";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { Socket } from "node:net";
import { type HostPort, showHostPort } from "../../clients/tcp/settings.ts";
import { explainSocket, openSocket } from "../../clients/tcp/socket.ts";
import { Fault } from "../../lib/errors.ts";
import { oneOf } from "../../lib/settings/parsers.ts";

/** A way to a syslog server that is open. */
export interface Transport {
  /** False as soon as it is lost or closed. */
  readonly usable: boolean;
  /** For people: `syslog at udp://127.0.0.1:514`. */
  readonly where: string;
  /** Resolves when the line has left, as far as that can be known. @throws {Fault} */
  send(line: string): Promise<void>;
  /** Ends it at once. */
  close(): void;
}

/** Where lines go, for people. */
function whereOf(protocol: "tcp" | "udp", addr: HostPort): string {
  return `syslog at ${protocol}://${showHostPort(addr)}`;
}

/** Opens a connection over TCP. `onLost` is called once if the other side or the network ends it. */
export async function openTcp(
  addr: HostPort,
  closed: AbortSignal,
  onLost: (fault: Fault) => void,
): Promise<Transport> {
  const where = whereOf("tcp", addr);
  return new TcpTransport(await openSocket({ where, ...addr }, closed), where, onLost);
}

/** Milliseconds that the network may take for a line. */
const writeTimeout = 10_000;
/** Milliseconds that a connection must outlive a line: whoever is gone answers it with a reset by then. */
const graceTime = 100;

class TcpTransport implements Transport {
  #ended: Fault | undefined;
  readonly #lost = Promise.withResolvers<never>();

  constructor(readonly socket: Socket, readonly where: string, onLost: (fault: Fault) => void) {
    this.#lost.promise.catch(() => {});
    const lose = (fault: Fault) => {
      if (this.#ended === undefined) onLost(fault);
      this.#end(fault);
    };
    // A syslog server says nothing; without a reader the end of the connection would go unseen.
    socket.resume();
    socket.on("error", (error) => lose(explainSocket(error, where)));
    for (const event of ["end", "close"]) {
      socket.on(event, () => lose(new Fault(`${where} closed the connection`)));
    }
  }

  get usable(): boolean {
    return this.#ended === undefined && !this.socket.destroyed;
  }

  async send(line: string): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    const done = Promise.withResolvers<void>();
    let timer = setTimeout(
      () => this.#end(new Fault(`${this.where}: a line was not taken within ${writeTimeout / 1000} s`)),
      writeTimeout,
    );
    this.socket.write(`${line}\n`, (error) => {
      clearTimeout(timer);
      if (!error && this.#ended === undefined) timer = setTimeout(done.resolve, graceTime);
    });
    try {
      await Promise.race([done.promise, this.#lost.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#end(new Fault("closed"));
  }

  #end(fault: Fault): void {
    this.#ended ??= fault;
    this.#lost.reject(this.#ended);
    this.socket.destroy();
  }
}

/** Bytes of data that a datagram can have, over IPv4. */
const maxUdpBytes = 65_507;

/** Opens a socket for datagrams. */
export async function openUdp(prefix: string, addr: HostPort): Promise<Transport> {
  const where = whereOf("udp", addr);
  try {
    const { address, family } = await lookup(addr.host);
    return new UdpTransport(
      createSocket(family === 6 ? "udp6" : "udp4"),
      { host: address, port: addr.port },
      where,
      prefix,
    );
  } catch (error) {
    throw explainSocket(error, where);
  }
}

class UdpTransport implements Transport {
  usable = true;

  constructor(
    readonly socket: UdpSocket,
    readonly addr: HostPort,
    readonly where: string,
    readonly prefix: string,
  ) {
    socket.on("error", () => this.close());
  }

  async send(line: string): Promise<void> {
    const bytes = Buffer.from(line);
    if (bytes.length > maxUdpBytes) throw tooLarge(this.prefix, this.where, bytes.length, maxUdpBytes);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.send(bytes, this.addr.port, this.addr.host, (error) => error ? reject(error) : resolve());
    try {
      await promise;
    } catch (error) {
      this.close();
      throw explainSocket(error, this.where);
    }
  }

  close(): void {
    if (this.usable) this.socket.close();
    this.usable = false;
  }
}

/** Where the syslog of a machine listens: Linux, macOS, BSD. */
export const localPaths: readonly string[] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/** Opens the socket of this machine's syslog, the first that is there. */
export async function openLocal(prefix: string, paths: readonly string[]): Promise<Transport> {
  if (Deno.build.os === "windows") {
    throw new Fault(`Windows has no syslog; set ${prefix}_PROTO and ${prefix}_ADDR`, "config");
  }
  const found = await firstThatExists(paths);
  if (found === undefined) {
    throw new Fault(
      `this machine has no syslog: there is no ${
        oneOf(paths)
      }; mount one, or set ${prefix}_PROTO and ${prefix}_ADDR`,
      "operator",
    );
  }
  return new LocalTransport(found);
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  return undefined;
}

class LocalTransport implements Transport {
  usable = true;
  readonly where: string;
  readonly #socket = new OwnSocket();

  constructor(readonly path: string) {
    this.where = `syslog at ${path}`;
  }

  async send(line: string): Promise<void> {
    const bytes = Buffer.from(line);
    try {
      await this.#socket.datagrams.send(bytes, { transport: "unixpacket", path: this.path });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === "EMSGSIZE" || /os error (?:90|40)\b/.test(message)) {
        throw new Fault(
          `${this.where}: the alert has ${bytes.length} bytes, which is more than its socket takes`,
          "rejected",
        );
      }
      throw explainSocket(Object.assign(new Error(message), { code: code ?? codeOf(error) }), this.where);
    }
  }

  close(): void {
    if (this.usable) this.#socket.close();
    this.usable = false;
  }
}

/** Datagrams must come from somewhere, though nobody answers. */
class OwnSocket {
  readonly datagrams: Deno.DatagramConn;
  /** The folder of its file, where it has one. */
  readonly #folder: string | undefined;

  constructor() {
    const listen = (path: string) => Deno.listenDatagram({ transport: "unixpacket", path });
    try {
      // A name of Linux that is no file: the disk may be read-only.
      this.datagrams = listen(`\0nomad-crashloop-detector-${crypto.randomUUID()}`);
    } catch {
      this.#folder = Deno.makeTempDirSync({ prefix: "nomad-crashloop-detector-" });
      this.datagrams = listen(`${this.#folder}/syslog.sock`);
    }
  }

  close(): void {
    this.datagrams.close();
    if (this.#folder !== undefined) Deno.removeSync(this.#folder, { recursive: true });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused
    ? "ENOENT"
    : "";
}

function tooLarge(prefix: string, where: string, bytes: number, most: number): Fault {
  return new Fault(
    `${where}: the alert has ${bytes} bytes, and a datagram takes ${most}; set ${prefix}_PROTO to tcp`,
    "rejected",
  );
}
