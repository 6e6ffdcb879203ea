// The status server: which paths there are, who may ask, and what every answer has in common. It only reads.
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, busy, failure, fresh, InFlight, json, Recent, text } from "./answer.ts";
import { loopsView, statusView } from "./api.ts";
import { Connections, type Limits, type Times } from "./connections.ts";
import { EventStream } from "./event_stream.ts";
import { type Facts, nowOf } from "./runtime_info.ts";
import { problems } from "./readiness.ts";
import type { History } from "./history.ts";
import { isLocal, wrongHost } from "./host.ts";
import { type Address, bind, type Listening } from "./listen.ts";
import { contentType, write } from "./metrics.ts";
import { type PageFile, readPages } from "./page_files.ts";
import { ProcessFigures } from "./process_stats.ts";

/** A path, and what it answers. */
export interface Endpoint {
  /** With `<…>` where anything may stand, to the end. */
  readonly path: string;
  readonly help: string;
  /** Needs no token: it tells nothing of the cluster. */
  readonly open?: boolean;
  /** Is answered however many requests are open. */
  readonly always?: boolean;
}

/** What an endpoint is answered from. */
interface Asked {
  readonly url: URL;
  /** What stands for `<…>`, decoded. */
  readonly rest: string;
}

type Answering = Endpoint & { answer(server: StatusServer, asked: Asked): Answer | "events" };

const table: readonly Answering[] = [
  { path: "/", help: "the page", open: true, answer: (server) => server.page("index.html") },
  {
    path: "/page/<file>",
    help: "files of the page",
    open: true,
    answer: (server, { rest }) => server.page(rest),
  },
  {
    path: "/allocation/<name>",
    help: "the page, showing one allocation",
    open: true,
    answer: (server) => server.page("index.html"),
  },
  {
    path: "/metrics",
    help: "metrics for Prometheus, at most 50 ms old",
    answer: (server) => server.metrics(),
  },
  {
    path: "/livez",
    help: "200 for as long as the program answers at all",
    open: true,
    always: true,
    answer: () => text(200, "ok\n"),
  },
  {
    path: "/readyz",
    help:
      "200 when the source is connected and neither a sink nor the state has failed for longer than a minute; else 503 with the reasons, a line each",
    open: true,
    always: true,
    answer: (server) => server.ready(),
  },
  {
    path: "/api/v1/status",
    help: "the program, its rule, source and sinks, and what became of the messages",
    answer: (server) => json(200, statusView(server.facts)),
  },
  {
    path: "/api/v1/loops",
    help:
      "the loops: `?status=looping`, `gave-up` or `resolved`, `q=` a part of a name, `sort=newest` or `worst`, `offset=0`, `limit=100` (1,000 at most); at most 50 ms old",
    answer: (server, { url }) => server.loops(url),
  },
  {
    path: "/api/v1/allocations/<name>",
    help: "one loop and its last 200 events, by its name, its id or an allocation's id, percent-encoded",
    answer: (server, { rest }) => server.allocation(rest),
  },
  {
    path: "/api/v1/events",
    help:
      "server-sent events: `status` at once and every 5 s; `loop`, `gave-up` and `resolved` when a loop changes, each loop at most once a second",
    answer: (server) => server.events(),
  },
];

/** Every endpoint. */
export const endpoints: readonly Endpoint[] = table;

/** Milliseconds for which metrics and lists are good enough for who else asks. */
const recentAge = 50;

/** What stands in every answer. */
const common = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** What differs from the usual, in tests. */
export interface Differing {
  readonly limits?: Limits | undefined;
  readonly times?: Times | undefined;
}

/** A status server that listens. */
export class StatusServer implements AsyncDisposable {
  readonly facts: Facts;
  readonly history: History;
  /** For the log. */
  readonly where: string;
  /** Other machines may read all without a token. */
  readonly isOpen: boolean;
  readonly #token: string | undefined;
  /** Only loopback names are answered. */
  readonly #isGuarded: boolean;
  readonly #pages: ReadonlyMap<string, PageFile>;
  readonly #process = new ProcessFigures();
  readonly #events: EventStream;
  readonly #recent = new Recent(recentAge);
  readonly #inFlight = new InFlight();
  readonly #connections: Connections;
  #open = 0;

  private constructor(
    { address, token, facts, history }: Served,
    { limits, listener, where, pages, times }: Parts,
  ) {
    this.facts = facts;
    this.history = history;
    this.where = where;
    this.isOpen = token === undefined && !isLocal(address);
    this.#token = token;
    this.#isGuarded = token === undefined && !("path" in address) && isLocal(address);
    this.#pages = pages;
    this.#events = new EventStream(
      history,
      () => statusView(facts),
      (loop) => history.view(loop, nowOf(facts)),
    );
    // A list must not be older than the events that its client has.
    this.#events.onFlush = () => this.#recent.clear();
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
    facts: Facts,
    history: History,
    differing: Differing = {},
  ): Promise<StatusServer> {
    const pages = await readPages();
    const { listener, where } = await bind(address);
    return new StatusServer({ address, token, facts, history }, { listener, where, pages, ...differing });
  }

  /** Clients of the event stream that were dropped since they did not read. */
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

  metrics(): Answer {
    return this.#recent.get("metrics", () => ({
      ...text(200, write({ facts: this.facts, process: this.#process })),
      headers: { "content-type": contentType, ...fresh },
    }));
  }

  ready(): Answer {
    const lines = problems(this.facts);
    return lines.length === 0 ? text(200, "ok\n") : text(503, lines.map((line) => `${line}\n`).join(""));
  }

  loops({ search, searchParams }: URL): Answer {
    return this.#recent.get(
      `loops ${search}`,
      () => json(200, loopsView(searchParams, this.facts, this.history)),
    );
  }

  allocation(what: string): Answer {
    const found = this.history.find(what, nowOf(this.facts));
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

  #handle(request: IncomingMessage, response: ServerResponse, over: Promise<void>): void {
    this.#open++;
    over.then(() => this.#open--);
    for (const [name, value] of Object.entries(common)) response.setHeader(name, value);
    const answer = this.#answer(request);
    const withBody = request.method !== "HEAD";
    if (answer !== "events") return this.#inFlight.send(response, answer, withBody, over);
    // Its end is that of the connection: without the frames of a body in chunks, one event is one write.
    response.removeHeader("transfer-encoding");
    response.writeHead(200, { "content-type": "text/event-stream", "connection": "close", ...fresh });
    if (withBody) this.#events.open(response, over);
    else response.end();
  }

  #answer(request: IncomingMessage): Answer | "events" {
    const url = URL.parse(request.url!.replace(/^(?=\/)/, "http://localhost"));
    const { method } = request;
    const found = find(url?.pathname ?? "");
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
      return failure(500, "the answer cannot be made: this is a bug of the program");
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

/** What a server is for. */
interface Served {
  readonly address: Address;
  readonly token: string | undefined;
  readonly facts: Facts;
  readonly history: History;
}

/** What it is made of. */
interface Parts extends Listening, Differing {
  readonly pages: ReadonlyMap<string, PageFile>;
}

function find(path: string): { endpoint: Answering; rest: string } | undefined {
  for (const endpoint of table) {
    const open = endpoint.path.indexOf("<");
    if (
      open < 0 ? path === endpoint.path : path.startsWith(endpoint.path.slice(0, open)) && path.length > open
    ) {
      return { endpoint, rest: open < 0 ? "" : path.slice(open) };
    }
  }
  return undefined;
}

/** How long it takes tells nothing of where they differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function notFound(): Answer {
  return failure(404, "there is nothing here; README.md has the list of paths");
}

/** Not `Basic`, for which a browser would ask in a window of its own, over the page that asks too. */
function unauthorized(): Answer {
  return failure(401, "a token is needed: Authorization: Bearer <LISTEN_TOKEN>", {
    "www-authenticate": 'Bearer realm="nomad-crashloop-detector"',
  });
}
