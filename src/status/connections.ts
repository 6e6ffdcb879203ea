// The connections of the status server: how many there are, how long each may keep it waiting, and who has to go.
// They are accepted here, and not by Deno.serve or node:http, since both stop for good when the process has no
// descriptor left; node:http only reads requests and writes answers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Wire } from "./wire.ts";

/** What is possible at one time. */
export interface Limits {
  readonly connections: number;
  /** Of them, with requests that are not answered; health is always answered. */
  readonly requests: number;
  /** Of these, event streams. */
  readonly streams: number;
  /** Bytes of answers, of all clients together, that they have yet to take, before others get none. */
  readonly unreadBytes: number;
}

/** The limits where so many descriptors can be had: source, sinks and state need theirs. */
export function limitsFor(descriptors: number): Limits {
  const connections = Math.max(4, Math.floor(descriptors / 2));
  const requests = Math.floor(connections * 0.8);
  return { connections, requests, streams: Math.min(200, Math.floor(requests / 2)), unreadBytes: 32 << 20 };
}

/** The limits until descriptors run out. */
export const usualLimits: Limits = limitsFor(1_024);

/** Milliseconds that a client has for its first request, for its next one, and for taking any part of an answer. */
export interface Times {
  readonly first: number;
  readonly next: number;
  readonly unread: number;
}

const usualTimes: Times = { first: 10_000, next: 60_000, unread: 30_000 };
/** Milliseconds between two looks at who is late, and until the next try when no connection can be had. */
const [look, retry] = [500, 100];
/** Milliseconds that answers on their way have when the server closes. */
const closing = 500;
/** Connections that are taken in one turn. */
const inTurn = 20;
/** Requests that a client may send before the first is answered. */
const maxPipelined = 4;

/** Answers a request. `over` resolves when the client has the answer or is gone: of a response that waits for the
 * one before, node:http does not tell its end. */
export type Answering = (request: IncomingMessage, response: ServerResponse, over: Promise<void>) => void;

/** All connections of a listener. Disposing them closes it. */
export class Connections implements AsyncDisposable {
  /** They become less when the process turns out to have few descriptors. */
  limits: Limits;
  readonly #listener: Deno.Listener;
  readonly #times: Times;
  readonly #answer: Answering;
  /** The oldest first. */
  readonly #wires = new Set<Wire>();
  readonly #http: Server;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #accepting: Promise<void>;
  #closed: (() => void) | undefined;

  constructor(listener: Deno.Listener, answer: Answering, limits = usualLimits, times = usualTimes) {
    this.#listener = listener;
    this.limits = limits;
    this.#times = times;
    this.#answer = answer;
    this.#http = createServer({ maxHeaderSize: 16 << 10, keepAliveTimeout: times.next });
    this.#http.maxHeadersCount = 100;
    // Else it would close every connection after its first answer.
    Object.defineProperty(this.#http, "listening", { get: () => this.#closed === undefined });
    this.#http.on("request", (request, response) => this.#request(request, response));
    this.#http.on("clientError", refuse);
    this.#timer = setInterval(() => this.#closeLate(), look);
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
        await new Promise((resolve) => setTimeout(resolve, retry));
      }
      if (taken % inTurn === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** No descriptor is left: keeps to half of those that there were, from now on. */
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

  /** Somebody who asks is worth more than who does not. Yields whether there was one. */
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
    const { promise: over, resolve } = Promise.withResolvers<void>();
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
    // What has a body is not read any further.
    const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
    if (length !== "0" || encoding !== undefined) response.shouldKeepAlive = false;
    this.#answer(request, response, over);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const all = Promise.withResolvers<void>();
    this.#closed = all.resolve;
    this.#listener.close();
    for (const wire of this.#wires) if (wire.idleSince !== undefined) wire.destroy();
    const timer = setTimeout(all.resolve, closing);
    if (this.#wires.size > 0) await all.promise;
    clearTimeout(timer);
    for (const wire of this.#wires) wire.destroy();
    await this.#accepting;
  }
}

/** Answers what is no request. */
function refuse(error: Error & { code?: string }, wire: unknown): void {
  const status = error.code === "HPE_HEADER_OVERFLOW"
    ? "431 Request Header Fields Too Large"
    : "400 Bad Request";
  // What it goes on to send is read and dropped: to close at once would take the answer away from it.
  (wire as Wire).end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  (wire as Wire).resume();
}
