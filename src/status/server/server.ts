// The status server: authorizes and routes requests, and sets the headers of every response. It never changes anything.
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, busy, failure, fresh, InFlight, json, Recent, text } from "./answer.ts";
import { jobsView } from "../api/job_rows.ts";
import { loopsView } from "../api/loop_list.ts";
import { statusView } from "../api/status_view.ts";
import { type Answers, findEndpoint } from "./endpoints.ts";
import { Connections, type Limits, type Times } from "./connections.ts";
import { LoopEventStream } from "../api/event_stream.ts";
import { nowOf, type RuntimeInfo } from "../runtime_info.ts";
import { problems } from "../readiness.ts";
import type { LoopHistory } from "../history/history.ts";
import { isLocal, wrongHost } from "./host.ts";
import { type Address, bind, type Listening } from "../listen.ts";
import { contentType, write } from "../metrics/exposition.ts";
import { type PageFile, readPages } from "../page_files.ts";
import { ProcessStats } from "../metrics/process_stats.ts";

/** How long metrics and lists are reused for other clients, in milliseconds. */
const maxAge = 50;

/** Headers of every answer. */
const commonHeaders = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Limits and times of a test. */
export interface Overrides {
  readonly limits?: Limits | undefined;
  readonly times?: Times | undefined;
}

/** A status server that listens. */
export class StatusServer implements Answers, AsyncDisposable {
  readonly runtime: RuntimeInfo;
  readonly history: LoopHistory;
  /** For the log. */
  readonly where: string;
  /** Other machines can read everything without a token. */
  readonly isOpen: boolean;
  readonly #token: string | undefined;
  /** Only requests to loopback names are answered. */
  readonly #isGuarded: boolean;
  readonly #pages: ReadonlyMap<string, PageFile>;
  readonly #process = new ProcessStats();
  readonly #events: LoopEventStream;
  readonly #recent = new Recent(maxAge);
  readonly #inFlight = new InFlight();
  readonly #connections: Connections;
  #open = 0;

  private constructor(
    { address, token, runtime, history }: Served,
    { limits, listener, where, pages, times }: Parts,
  ) {
    this.runtime = runtime;
    this.history = history;
    this.where = where;
    this.isOpen = token === undefined && !isLocal(address);
    this.#token = token;
    this.#isGuarded = token === undefined && !("path" in address) && isLocal(address);
    this.#pages = pages;
    this.#events = new LoopEventStream({
      history,
      status: () => statusView(runtime),
      view: (loop) => history.view(loop, nowOf(runtime)),
      // A list must not be older than the events that its client has received.
      beforeFlush: () => this.#recent.clear(),
    });
    this.#connections = new Connections(
      listener,
      (...exchange) => this.#handle(...exchange),
      limits,
      times,
    );
  }

  /** @throws {Fault} where it cannot listen there. */
  static async listen(
    address: Address,
    token: string | undefined,
    runtime: RuntimeInfo,
    history: LoopHistory,
    overrides: Overrides = {},
  ): Promise<StatusServer> {
    const pages = await readPages();
    const { listener, where } = await bind(address);
    return new StatusServer({ address, token, runtime, history }, { listener, where, pages, ...overrides });
  }

  /** Clients of the event stream that were dropped because they did not read. */
  get dropped(): number {
    return this.#events.dropped;
  }

  get clients(): number {
    return this.#events.clients;
  }

  /** Bytes of answers that clients have yet to take. */
  get inFlight(): number {
    return this.#inFlight.bytes;
  }

  get connections(): number {
    return this.#connections.count;
  }

  page(name: string): Answer {
    const file = this.#pages.get(name);
    if (file === undefined) return notFound();
    return {
      status: 200,
      headers: { "content-type": file.type, "cache-control": "no-cache" },
      body: file.bytes,
    };
  }

  status(): Answer {
    return json(200, statusView(this.runtime));
  }

  metrics(): Answer {
    return this.#recent.get("metrics", () => ({
      ...text(200, write({ runtime: this.runtime, process: this.#process })),
      headers: { "content-type": contentType, ...fresh },
    }));
  }

  ready(): Answer {
    const lines = problems(this.runtime);
    return lines.length === 0 ? text(200, "ok\n") : text(503, lines.map((line) => `${line}\n`).join(""));
  }

  loops({ search, searchParams }: URL): Answer {
    return this.#recent.get(
      `loops ${search}`,
      () => json(200, loopsView(searchParams, this.runtime, this.history)),
    );
  }

  jobs({ search, searchParams }: URL): Answer {
    return this.#recent.get(
      `jobs ${search}`,
      () => json(200, jobsView(searchParams, this.runtime, this.history)),
    );
  }

  allocation(what: string): Answer {
    const found = this.history.find(what, nowOf(this.runtime));
    if (found !== undefined) return json(200, found);
    return failure(
      404,
      `no loop is known by ${JSON.stringify(what)}: expected its name, its id or the id of an allocation`,
    );
  }

  events(): Answer | "events" {
    const { streams } = this.#connections.limits;
    return this.#events.clients < streams ? "events" : busy(`${streams} clients read the events already`);
  }

  #handle(request: IncomingMessage, response: ServerResponse, done: Promise<void>): void {
    this.#open++;
    done.then(() => this.#open--);
    for (const [name, value] of Object.entries(commonHeaders)) response.setHeader(name, value);
    const answer = this.#answer(request);
    const withBody = request.method !== "HEAD";
    if (answer !== "events") return this.#inFlight.send(response, answer, withBody, done);
    // The stream ends with the connection; without chunked encoding, one event is one write.
    response.removeHeader("transfer-encoding");
    response.writeHead(200, { "content-type": "text/event-stream", "connection": "close", ...fresh });
    if (withBody) this.#events.open(response, done);
    else response.end();
  }

  #answer(request: IncomingMessage): Answer | "events" {
    const url = URL.parse(request.url!.replace(/^(?=\/)/, "http://localhost"));
    const { method } = request;
    const found = findEndpoint(url?.pathname ?? "");
    const wrong = this.#isGuarded ? wrongHost(request.headers.host) : undefined;
    if (wrong !== undefined) return failure(421, wrong);
    if (!found?.endpoint.always) {
      const { requests, unreadBytes } = this.#connections.limits;
      if (this.#open > requests) return busy(`${requests} requests are open already`);
      if (this.#inFlight.bytes > unreadBytes) {
        return busy(`${this.#inFlight.bytes} bytes of answers are not read yet`);
      }
    }
    if (!found?.endpoint.open && !this.#mayAsk(request)) return unauthorized();
    if (method !== "GET" && method !== "HEAD") {
      const error = `${method} is not possible: this server only answers GET and HEAD`;
      return failure(405, error, { allow: "GET, HEAD" });
    }
    if (found === undefined) return notFound();
    try {
      return found.endpoint.answer(this, { url: url!, rest: decodeURIComponent(found.rest) });
    } catch (error) {
      if (error instanceof RangeError) return failure(400, error.message);
      if (error instanceof URIError) return failure(400, "the path is not percent-encoded UTF-8");
      return failure(500, "the response cannot be built: this is a bug in the detector");
    }
  }

  #mayAsk({ headers: { authorization = "" } }: IncomingMessage): boolean {
    if (this.#token === undefined) return true;
    const [, shown] = /^Bearer +(.+)$/i.exec(authorization) ?? [];
    return shown !== undefined && isSame(shown, this.#token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process[Symbol.dispose]();
    this.#events[Symbol.dispose]();
    await this.#connections[Symbol.asyncDispose]();
  }
}

/** What a server serves, and where. */
interface Served {
  readonly address: Address;
  readonly token: string | undefined;
  readonly runtime: RuntimeInfo;
  readonly history: LoopHistory;
}

/** What a server opened. */
interface Parts extends Listening, Overrides {
  readonly pages: ReadonlyMap<string, PageFile>;
}

/** Compares in constant time. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function notFound(): Answer {
  return failure(404, "not found; src/status/README.md lists the paths");
}

/** Not `Basic`: browsers would open a dialog of their own above the page, which asks itself. */
function unauthorized(): Answer {
  return failure(401, "a token is needed: Authorization: Bearer <LISTEN_TOKEN>", {
    "www-authenticate": 'Bearer realm="nomad-crashloop-detector"',
  });
}
