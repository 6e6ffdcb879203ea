// A receiver over HTTP that a test can let fail, for what no real server is to be had.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** JSON that tests look into. */
// deno-lint-ignore no-explicit-any -- its shape is what they look at
export type Json = any;

/** A request that came. */
export interface StandInRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An answer. */
export interface StandInAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a request gets in place of an answer of the receiver's own: another answer, none for ever, or a cut. */
export type StandInFault = StandInAnswer | "silence" | "cut";

/** A server on a free port of 127.0.0.1. */
export class StandIn implements AsyncDisposable {
  /** All that came, in order, those that failed included. */
  readonly requests: StandInRequest[] = [];
  /** What the next requests get, one each. */
  readonly faults: StandInFault[] = [];
  readonly #server: Server;

  constructor(answer: (request: StandInRequest) => StandInAnswer) {
    this.#server = createServer(async (incoming, outgoing) => {
      let body = "";
      incoming.setEncoding("utf8");
      try {
        for await (const part of incoming) body += part;
      } catch {
        return; // the client went away in the middle of its request
      }
      const request = { method: incoming.method!, path: incoming.url!, headers: incoming.headers, body };
      this.requests.push(request);
      const given = this.faults.shift() ?? answer(request);
      if (given === "silence") return;
      if (given === "cut") return void outgoing.socket!.destroy();
      outgoing.writeHead(given.status, given.headers).end(given.body ?? "");
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The bodies of all requests, parsed. */
  get bodies(): Json[] {
    return this.requests.map(({ body }) => JSON.parse(body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, "close");
  }
}

/** Counts requests, and tells those that come too soon. */
export class RateLimit {
  readonly #times: number[] = [];

  constructor(readonly most: number, readonly perMilliseconds: number) {}

  /** Whether a request now is one too many; it does not count then. */
  exceeded(now = performance.now()): boolean {
    while (this.#times.length > 0 && this.#times[0]! <= now - this.perMilliseconds) this.#times.shift();
    if (this.#times.length >= this.most) return true;
    this.#times.push(now);
    return false;
  }
}
