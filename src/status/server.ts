// The status server: which paths there are, who may ask, and what every answer has in common. It only reads.
import { createHash, timingSafeEqual } from "node:crypto";
import { loopsView, statusView } from "./api.ts";
import { EventStream, mostClients } from "./events.ts";
import { type Facts, nowOf } from "./facts.ts";
import { problems } from "./health.ts";
import type { History } from "./history.ts";
import { type Address, type Listening, serve } from "./listen.ts";
import { contentTypes, type Format, formatFor, write } from "./metrics.ts";
import { type PageFile, readPages } from "./pages.ts";
import { ProcessFigures } from "./process.ts";
import type { ErrorView } from "./view.ts";

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
  readonly request: Request;
  readonly url: URL;
  /** What stands for `<…>`, decoded. */
  readonly rest: string;
}

type Answering = Endpoint & { answer(server: StatusServer, asked: Asked): Response };

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
    help: "the metrics, for Prometheus, at most 50 ms old; as OpenMetrics where `Accept` asks for it",
    answer: (server, { request }) => server.metrics(request.headers.get("accept")),
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
      "the loops: `?status=looping`, `gave-up` or `resolved`, `q=` a part of a name, `sort=newest` or `worst`, `offset=0`, `limit=100` (1,000 at most)",
    answer: (server, { url }) => json(200, loopsView(url.searchParams, server.facts, server.history)),
  },
  {
    path: "/api/v1/allocations/<name>",
    help: "one loop and its last 200 events, by its name, its id or an allocation's id, percent-encoded",
    answer: (server, { rest }) => server.allocation(rest),
  },
  {
    path: "/api/v1/events",
    help:
      "server-sent events: `status` at once and every 5 s; `loop` and `over` when a loop begins, goes on or ends, each loop at most once a second",
    answer: (server, { request }) => server.stream(request.method),
  },
];

/** Every endpoint. */
export const endpoints: readonly Endpoint[] = table;

/** Requests that may be open at one time, the event streams included; health is always answered. */
const defaultMostOpen = 1_024;
/** Milliseconds that answers on their way have when the server closes. */
const closing = 500;

/** Milliseconds for which metrics are good enough for who else asks. */
const metricsAge = 50;

/** What stands in every answer. */
const common = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** A status server that listens. */
export class StatusServer implements AsyncDisposable {
  readonly facts: Facts;
  readonly history: History;
  readonly #token: string | undefined;
  readonly #mostOpen: number;
  readonly #pages: ReadonlyMap<string, PageFile>;
  readonly #process = new ProcessFigures();
  readonly #events: EventStream;
  /** As they were written last. */
  readonly #metrics = new Map<Format, { readonly at: number; readonly body: string }>();
  readonly #abort = new AbortController();
  #listening!: Listening;
  #open = 0;

  private constructor(
    facts: Facts,
    history: History,
    token: string | undefined,
    pages: ReadonlyMap<string, PageFile>,
    mostOpen: number,
  ) {
    this.facts = facts;
    this.history = history;
    this.#token = token;
    this.#pages = pages;
    this.#mostOpen = mostOpen;
    this.#events = new EventStream(
      history,
      () => statusView(facts),
      (loop) => history.view(loop, nowOf(facts)),
    );
  }

  /** @throws {Fault} where it cannot listen there. */
  static async listen(
    address: Address,
    token: string | undefined,
    facts: Facts,
    history: History,
    mostOpen = defaultMostOpen,
  ): Promise<StatusServer> {
    const server = new StatusServer(facts, history, token, await readPages(), mostOpen);
    try {
      server.#listening = await serve(
        address,
        (request, info) => server.#handle(request, info),
        server.#abort.signal,
      );
    } catch (error) {
      server.#process[Symbol.dispose]();
      throw error;
    }
    return server;
  }

  /** For the log. */
  get where(): string {
    return this.#listening.where;
  }

  /** Clients of the event stream that were dropped since they did not read. */
  get dropped(): number {
    return this.#events.dropped;
  }

  get clients(): number {
    return this.#events.clients;
  }

  page(name: string): Response {
    const file = this.#pages.get(name);
    if (file === undefined) return notFound();
    return new Response(file.bytes, { headers: { "content-type": file.type, "cache-control": "no-cache" } });
  }

  metrics(accept: string | null): Response {
    const format = formatFor(accept);
    const now = performance.now();
    let last = this.#metrics.get(format);
    if (last === undefined || now - last.at >= metricsAge) {
      last = { at: now, body: write({ facts: this.facts, process: this.#process }, format) };
      this.#metrics.set(format, last);
    }
    return new Response(last.body, { headers: { "content-type": contentTypes[format], ...fresh } });
  }

  ready(): Response {
    const lines = problems(this.facts);
    return lines.length === 0 ? text(200, "ok\n") : text(503, lines.map((line) => `${line}\n`).join(""));
  }

  allocation(what: string): Response {
    const found = this.history.find(what, nowOf(this.facts));
    if (found !== undefined) return json(200, found);
    return failure(
      404,
      `no loop is known by ${JSON.stringify(what)}: expected its name, its id or the id of an allocation`,
    );
  }

  stream(method: string): Response {
    const headers = { "content-type": "text/event-stream", ...fresh };
    if (method === "HEAD") return new Response(null, { headers });
    const stream = this.#events.open();
    return stream === undefined
      ? failure(503, `${mostClients} clients read the events already; try again later`)
      : new Response(stream, { headers });
  }

  #handle(request: Request, info: Deno.ServeHandlerInfo): Response {
    this.#open++;
    info.completed.catch(() => {}).finally(() => this.#open--);
    const response = this.#answer(request);
    for (const [name, value] of Object.entries(common)) response.headers.set(name, value);
    return response;
  }

  #answer(request: Request): Response {
    const url = new URL(request.url);
    const { method } = request;
    const found = find(url.pathname);
    if (this.#open > this.#mostOpen && !found?.endpoint.always) {
      return failure(503, `${this.#mostOpen} requests are open already; try again later`);
    }
    if (!found?.endpoint.open && !this.#mayAsk(request)) return unauthorized();
    if (method !== "GET" && method !== "HEAD") {
      const response = failure(405, `${method} is not possible: this server only answers GET and HEAD`);
      response.headers.set("allow", "GET, HEAD");
      return response;
    }
    if (found === undefined) return notFound();
    try {
      return found.endpoint.answer(this, { request, url, rest: decodeURIComponent(found.rest) });
    } catch (error) {
      if (error instanceof RangeError) return failure(400, error.message);
      if (error instanceof URIError) return failure(400, "the path is not percent-encoded UTF-8");
      throw error;
    }
  }

  #mayAsk(request: Request): boolean {
    if (this.#token === undefined) return true;
    const [, shown] = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    return shown !== undefined && isSame(shown, this.#token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process[Symbol.dispose]();
    this.#events[Symbol.dispose]();
    const { server } = this.#listening;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#abort.abort();
      late.resolve();
    }, closing);
    await Promise.race([server.shutdown(), late.promise]);
    clearTimeout(timer);
  }
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

const fresh = { "cache-control": "no-store" };

function text(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8", ...fresh } });
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...fresh },
  });
}

function failure(status: number, error: string): Response {
  return json(status, { error } satisfies ErrorView);
}

function notFound(): Response {
  return failure(404, "there is nothing here; README.md has the list of paths");
}

/** Not `Basic`, for which a browser would ask in a window of its own, over the page that asks too. */
function unauthorized(): Response {
  const response = failure(401, "a token is needed: Authorization: Bearer <LISTEN_TOKEN>");
  response.headers.set("www-authenticate", 'Bearer realm="nomad-crashloop-detector"');
  return response;
}
