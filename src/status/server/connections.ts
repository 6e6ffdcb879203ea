// The connections of the status server and their limits. They are accepted here and not by Deno.serve or node:http,
// since both stop for good when the process runs out of descriptors; node:http only parses requests and writes
// responses.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Wire } from "./wire.ts";

/** Limits at any one time. */
export interface Limits {
  readonly connections: number;
  /** Open requests; health endpoints are always answered. */
  readonly requests: number;
  /** Open event streams. */
  readonly streams: number;
  /** Bytes of responses that all clients together have yet to read. */
  readonly unreadBytes: number;
}

/** The limits for a number of descriptors, half of which are left to the source, the sinks and the state. */
export function limitsFor(descriptors: number): Limits {
  const connections = Math.max(4, Math.floor(descriptors / 2));
  const requests = Math.floor(connections * 0.8);
  return { connections, requests, streams: Math.min(200, Math.floor(requests / 2)), unreadBytes: 32 << 20 };
}

/** The limits unless descriptors run out. */
export const defaultLimits: Limits = limitsFor(1_024);

/** Milliseconds that a client has for its first request, for the next one, and to read any part of a response. */
export interface Times {
  readonly first: number;
  readonly next: number;
  readonly unread: number;
}

const defaultTimes: Times = { first: 10_000, next: 60_000, unread: 30_000 };
/** How often late clients are looked for, and the delay before accepting is retried, in milliseconds. */
const [lateCheckInterval, retryDelay] = [500, 100];
/** How long responses in flight may take when the server closes, in milliseconds. */
const closeTimeout = 500;
/** Connections accepted in one turn of the event loop. */
const acceptsPerTurn = 20;
/** Requests that a client may pipeline. */
const maxPipelined = 4;

/** Answers a request. `done` resolves when the client has the response or is gone; node:http has no event for that if
 * the response is queued behind another one. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  done: Promise<void>,
) => void;

/** All connections of a listener. Disposing them closes the listener. */
export class Connections implements AsyncDisposable {
  /** Lowered when the process runs out of descriptors. */
  limits: Limits;
  readonly #listener: Deno.Listener;
  readonly #times: Times;
  readonly #answer: RequestHandler;
  /** The oldest first. */
  readonly #wires = new Set<Wire>();
  readonly #http: Server;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #accepting: Promise<void>;
  #closed: (() => void) | undefined;

  constructor(listener: Deno.Listener, answer: RequestHandler, limits = defaultLimits, times = defaultTimes) {
    this.#listener = listener;
    this.limits = limits;
    this.#times = times;
    this.#answer = answer;
    this.#http = createServer({ maxHeaderSize: 16 << 10, keepAliveTimeout: times.next });
    this.#http.maxHeadersCount = 100;
    // Otherwise node:http would close every connection after its first response.
    Object.defineProperty(this.#http, "listening", { get: () => this.#closed === undefined });
    this.#http.on("request", (request, response) => this.#request(request, response));
    this.#http.on("clientError", refuse);
    this.#timer = setInterval(() => this.#closeLate(), lateCheckInterval);
    Deno.unrefTimer(this.#timer as unknown as number);
    this.#accepting = this.#accept();
  }

  get count(): number {
    return this.#wires.size;
  }

  async #accept(): Promise<void> {
    for (let taken = 1; this.#closed === undefined; taken++) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#closed !== undefined) return;
        if (error instanceof Error && "code" in error && error.code === "EMFILE") this.#spare();
        await new Promise((resolve) => setTimeout(resolve, retryDelay));
      }
      if (taken % acceptsPerTurn === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** No descriptor is left: lowers the limits to half of those that there are. */
  #spare(): void {
    this.limits = { ...this.limits, ...limitsFor(this.#wires.size) };
    while (this.#wires.size > this.limits.connections && this.#closeOldestIdle());
  }

  #take(connection: Deno.Conn): void {
    if (this.#wires.size >= this.limits.connections && !this.#closeOldestIdle()) return connection.close();
    const wire = new Wire(connection);
    this.#wires.add(wire);
    wire.once("close", () => {
      this.#wires.delete(wire);
      if (this.#wires.size === 0) this.#closed?.();
    });
    this.#http.emit("connection", wire);
  }

  /** Makes room for a new client. Returns false if none was idle. */
  #closeOldestIdle(): boolean {
    for (const wire of this.#wires) {
      if (wire.idleSince === undefined || wire.unreadSince !== undefined) continue;
      this.#wires.delete(wire);
      wire.destroy();
      return true;
    }
    return false;
  }

  #closeLate(): void {
    const now = performance.now();
    const { first, next, unread } = this.#times;
    for (const wire of this.#wires) {
      const { idleSince = now, unreadSince = now, hasAnswered } = wire;
      if (now - idleSince > (hasAnswered ? next : first) || now - unreadSince > unread) wire.destroy();
    }
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const wire = request.socket as unknown as Wire;
    if (wire.open >= maxPipelined) return void wire.destroy();
    wire.open++;
    wire.idleSince = undefined;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const end = () => {
      wire.off("close", end);
      response.off("close", end);
      wire.open--;
      wire.hasAnswered = true;
      if (wire.open === 0) wire.idleSince = performance.now();
      resolve();
    };
    wire.on("close", end);
    response.on("close", end);
    response.on("error", () => {});
    // Bodies are not read, so the connection cannot be reused.
    const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
    if (length !== "0" || encoding !== undefined) response.shouldKeepAlive = false;
    this.#answer(request, response, done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const all = Promise.withResolvers<void>();
    this.#closed = all.resolve;
    this.#listener.close();
    for (const wire of this.#wires) if (wire.idleSince !== undefined) wire.destroy();
    const timer = setTimeout(all.resolve, closeTimeout);
    if (this.#wires.size > 0) await all.promise;
    clearTimeout(timer);
    for (const wire of this.#wires) wire.destroy();
    await this.#accepting;
  }
}

/** Answers a request that is not HTTP. */
function refuse(error: Error & { code?: string }, wire: unknown): void {
  const status = error.code === "HPE_HEADER_OVERFLOW"
    ? "431 Request Header Fields Too Large"
    : "400 Bad Request";
  // Whatever it still sends is read and dropped: closing at once could discard the response.
  (wire as Wire).end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  (wire as Wire).resume();
}
