// A detector that is made up: it serves the page as the real one does, and its API and events say what a test sets.

import type { AlertContext } from "../../src/detection/alert/details.ts";
import { rowsOf } from "../../src/status/api/job_rows.ts";
import { readJobsQuery } from "../../src/status/api/query.ts";
import type { AllocationView, EventView, LoopView, StatusView } from "../../src/status/view.ts";

/** What the real server sends with the page; it lets no other source of script or style in. */
export const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
  "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The time that the made-up detector has. */
export const fixtureNow = "2026-03-10T14:32:08.25Z";

const now = Date.parse(fixtureNow);
const minute = 60_000;
const page = new URL("../../src/status/page/", import.meta.url);
const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** RFC 3339, some minutes before the fixture's time. */
export function ago(minutes: number): string {
  return new Date(now - minutes * minute).toISOString();
}

/** A loop with what a test does not care about filled in. Its name may hold anything. */
export function madeLoop(name: string, some: Partial<LoopView> = {}): LoopView {
  const count = some.count ?? 6;
  const since = some.since ?? ago(18);
  const lastAt = some.lastAt ?? ago(0.4);
  const [, namespace = null, job = name, group = null] =
    /^(?:([\w-]+)\/)?([^.]+)(?:\.(.+)\[\d+\])?$/.exec(name) ??
      [];
  const [from, to] = [Math.max(Date.parse(since), Date.parse(lastAt) - 60 * minute), Date.parse(lastAt)];
  return {
    id: `loop-of-${name}`,
    status: "looping",
    name,
    namespace,
    job,
    group,
    task: group,
    node: "worker-03",
    allocation: "6f1ad34c-20e5-bc5e-4a05-0d8c43a0c9a1",
    count,
    notifications: 1,
    firstNotifiedAt: since,
    since,
    lastAt,
    gaveUpAt: null,
    resolvedAt: null,
    reason: `exited with 1 after 2.1 s, ${count} times since ${since.slice(11, 16)} UTC`,
    exitCode: 1,
    timeline: Array.from(
      { length: count },
      (_, n) => Math.round(from + (to - from) * n / Math.max(1, count - 1)),
    ),
    muted: null,
    severity: null,
    owner: null,
    runbook: null,
    cause: null,
    ...some,
  };
}

/** The same loop, resolved. */
export function ended(loop: LoopView, resolvedAt = fixtureNow): LoopView {
  return { ...loop, status: "resolved", resolvedAt, reason: "it no longer restarts that often" };
}

/** Events of a loop as Nomad writes them: for every restart started, terminated and restarting. */
export function madeEvents({ timeline, allocation, task, node, exitCode }: LoopView): EventView[] {
  const event = (time: number, type: string, message: string, code: number | null = null) => ({
    at: new Date(time).toISOString(),
    type,
    message,
    exitCode: code,
    signal: code === null ? null : code > 128 ? code - 128 : 0,
    failed: type === "Restarting",
    allocation,
    task,
    node,
  });
  return timeline.flatMap((time) => [
    event(time - 4_200, "Started", "Task started by client"),
    event(
      time - 2_100,
      "Terminated",
      `Exit Code: ${exitCode}, Exit Message: "exited with ${exitCode}"`,
      exitCode,
    ),
    event(time, "Restarting", "Task restarting in 16.417s"),
  ]).slice(-200);
}

/** A status with what a test does not care about filled in. */
export function madeStatus(some: Partial<StatusView> = {}): StatusView {
  return {
    version: "0.1.0",
    startedAt: ago(60 * 27),
    wallNow: fixtureNow,
    mode: "live",
    now: fixtureNow,
    rule: {
      type: "restarts",
      counts: "restart",
      threshold: 5,
      interval: "5m0s",
      notificationInterval: "1h0m0s",
    },
    source: { type: "amqp", up: true, since: ago(60 * 27), problem: null, ended: false },
    sinks: [{ type: "kinesis", up: true, since: ago(190), problem: null, pending: 0, oldestPendingAt: null }],
    messages: {
      events: 4_812,
      others: 1_203_551,
      malformed: 2,
      duplicates: 37,
      outsideWindow: 0,
      requested: 116,
    },
    notifications: 164,
    trackedKeys: 2_310,
    activeLoops: 0,
    lastEventAt: ago(0.03),
    ...some,
  };
}

/** How the made-up detector begins. */
export interface FixtureOptions {
  readonly loops?: readonly LoopView[];
  readonly status?: Partial<StatusView>;
  /** What was asked about each loop. */
  readonly context?: AlertContext;
  /** The token that its API asks for. */
  readonly token?: string;
}

/** Starts one on a port of its own. */
export function startStatusFixture(options: FixtureOptions = {}): StatusFixture {
  return new StatusFixture(options);
}

/** A made-up detector, whose events a test sends, and which stops and starts again on the same port. */
export class StatusFixture implements AsyncDisposable {
  /** Where it is, without a slash at the end. */
  readonly url: string;
  /** The queries of all lists that were asked for. */
  readonly asked: string[] = [];
  readonly #port: number;
  readonly #token: string | undefined;
  readonly #loops: Map<string, LoopView>;
  readonly #listeners = new Set<ReadableStreamDefaultController<Uint8Array>>();
  readonly #context: AlertContext | undefined;
  #status: Partial<StatusView>;
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;

  constructor({ loops = [], status = {}, context, token }: FixtureOptions) {
    this.#loops = new Map(loops.map((loop) => [loop.id, loop]));
    this.#status = status;
    this.#context = context;
    this.#token = token;
    this.#server = this.#serve(0);
    this.#port = this.#server.addr.port;
    this.url = `http://127.0.0.1:${this.#port}`;
  }

  #serve(port: number) {
    const onListen = () => {};
    return Deno.serve({ hostname: "127.0.0.1", port, onListen }, (request) => this.#answer(request));
  }

  /** A loop begins or changes. */
  loop(loop: LoopView): void {
    this.#loops.set(loop.id, loop);
    this.#notify("loop", loop);
  }

  /** A loop ends. */
  end(loop: LoopView): void {
    const resolved = ended(loop);
    this.#loops.set(loop.id, resolved);
    this.#notify("resolved", resolved);
  }

  /** The state becomes another one. */
  setStatus(status: Partial<StatusView>): void {
    this.#status = status;
    this.#notify("status", this.#statusView());
  }

  /** Cuts all connections off, and takes no more. */
  async stop(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#listeners.clear();
    await this.#server?.shutdown();
    this.#server = undefined;
  }

  /** Is there again. */
  start(): void {
    this.#server ??= this.#serve(this.#port);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #notify(event: string, view: unknown): void {
    const text = `event: ${event}\ndata: ${JSON.stringify(view)}\n\n`;
    for (const listener of this.#listeners) listener.enqueue(new TextEncoder().encode(text));
  }

  #statusView(): StatusView {
    const activeLoops = this.#loops.values().filter(({ status }) => status === "looping").toArray().length;
    return madeStatus({ activeLoops, ...this.#status });
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (!pathname.startsWith("/api/v1/")) return await pageFile(pathname);
    if (this.#token !== undefined && request.headers.get("authorization") !== `Bearer ${this.#token}`) {
      return Response.json({ error: "a token is needed" }, { status: 401 });
    }
    const [, name, key] = /^\/api\/v1\/(\w+)(?:\/(.+))?$/.exec(pathname) ?? [];
    if (name === "status") return Response.json(this.#statusView());
    if (name === "jobs") return this.#list(searchParams);
    if (name === "events") return this.#events();
    const loop = this.#find(decodeURIComponent(key ?? ""));
    if (!loop) return Response.json({ error: "no such loop" }, { status: 404 });
    const restored = loop.firstNotifiedAt === null;
    const context = this.#context ?? null;
    return Response.json({ loop, restored, events: madeEvents(loop), context } satisfies AllocationView);
  }

  #find(key: string): LoopView | undefined {
    return this.#loops.get(key) ?? this.#loops.values().find(({ name }) => name === key);
  }

  #list(query: URLSearchParams): Response {
    this.asked.push(`${query}`);
    const loops = this.#loops.values().map((view) => ({ view }));
    return Response.json(rowsOf(loops, readJobsQuery(query), ({ view }) => view));
  }

  #events(): Response {
    const listeners = this.#listeners;
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        listeners.add(controller);
        controller.enqueue(
          new TextEncoder().encode(`event: status\ndata: ${JSON.stringify(this.#statusView())}\n\n`),
        );
      },
      cancel: () => void listeners.delete(own),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

async function pageFile(pathname: string): Promise<Response> {
  const isPage = pathname === "/" || pathname.startsWith("/allocation/");
  const name = isPage ? "index.html" : pathname.replace(/^\/page\//, "");
  const type = types[name.split(".").at(-1)!];
  if (!type || name.includes("/")) return new Response("not found\n", { status: 404 });
  const headers = {
    "content-type": type,
    "content-security-policy": contentSecurityPolicy,
    "x-content-type-options": "nosniff",
  };
  return new Response(await Deno.readFile(new URL(name, page)), { headers });
}

/** A cluster on a bad night: some loops, and some that ended. */
export const badNight: readonly LoopView[] = [
  madeLoop("shop/checkout-api.web[2]", {
    count: 148,
    notifications: 3,
    since: ago(131),
    lastAt: ago(0.2),
    exitCode: 137,
    node: "worker-11",
    reason:
      "was killed by signal 9 (SIGKILL) after 11 s, likely out of memory, 148 times since 12:21 UTC; Nomad tries again in 15 s",
  }),
  madeLoop("payments/ledger-sync.worker[0]", {
    count: 41,
    notifications: 2,
    since: ago(74),
    allocation: "0b6f7a1e-5b39-4f0e-9a5c-8d6f4f1c2e07",
    reason: "exited with 1 after 2.1 s, 41 times since 13:18 UTC; Nomad tries again in 32 s",
  }),
  madeLoop("payments/ledger-sync.worker[1]", {
    count: 39,
    notifications: 2,
    since: ago(72),
    node: "worker-07",
    allocation: "c3a01f5d-7a44-4f9b-8f7e-1b2d90e5a6f3",
    reason: "exited with 1 after 2.3 s, 39 times since 13:20 UTC; Nomad tries again in 8 s",
  }),
  madeLoop("media/thumbnailer.resize[4]", {
    count: 17,
    since: ago(26),
    node: "worker-02",
    exitCode: 127,
    reason: "exited with 127 after 0.1 s, 17 times since 14:06 UTC",
  }),
  madeLoop("search/indexer-nightly-2026-03-10.shard[11]", {
    count: 9,
    since: ago(19),
    node: "worker-09",
    exitCode: null,
    reason:
      "failed to pull `registry.internal/search/indexer:2026.3.1`: manifest unknown, 9 times since 14:13 UTC",
  }),
  madeLoop("default/geoip-refresh.cron[0]", {
    count: 6,
    since: ago(7),
    node: "worker-05",
    exitCode: 2,
    reason: "exited with 2 after 4.8 s, 6 times since 14:25 UTC",
  }),
  madeLoop("observability/otel-gateway.collector[3]", {
    count: 5,
    since: ago(4.6),
    node: "worker-14",
    reason: "exited with 1 after 0.9 s, 5 times since 14:27 UTC",
  }),
  ended(madeLoop("shop/cart.web[0]", { count: 12, since: ago(96), lastAt: ago(71) }), ago(66)),
  ended(madeLoop("media/transcoder.gpu[1]", { count: 22, since: ago(190), lastAt: ago(128) }), ago(123)),
  ended(madeLoop("default/mailer.queue[0]", { count: 7, since: ago(322), lastAt: ago(301) }), ago(296)),
];

/** A loop that Nomad has given up. */
export function gaveUp(loop: LoopView, gaveUpAt = ago(3)): LoopView {
  return { ...loop, status: "gave-up", gaveUpAt, reason: `${loop.reason}; Nomad has given it up` };
}

/** The loops of one job, whose counts go down from the first. */
export function jobLoops(name: string, count: number, some: Partial<LoopView> = {}): LoopView[] {
  return Array.from({ length: count }, (_, n) =>
    madeLoop(`${name}[${n}]`, {
      count: 30 - n,
      since: ago(22 - n / 4),
      node: `worker-${`${n % 7 + 1}`.padStart(2, "0")}`,
      allocation: `6f1ad34c-20e5-bc5e-4a05-${`${n}`.padStart(12, "0")}`,
      ...some,
    }));
}

const brokenNode = { kind: "node", id: "node-1", text: "5 jobs loop on node client-1" } as const;
const onBrokenNode: Partial<LoopView> = { node: "client-1", cause: brokenNode };
const muted = "until 2026-03-11T08:00:00Z, as crashloop_mute_until says";
const ofSearch: Partial<LoopView> = {
  severity: "critical",
  owner: "team-search",
  runbook: "https://runbooks.internal/search-api",
};

/** A worse night: a job with many allocations, a broken node, what is muted, and what Nomad has given up. */
export const worseNight: readonly LoopView[] = [
  ...badNight,
  ...jobLoops("shop/search.api", 18, { ...ofSearch, exitCode: 78 }).map((loop, n) =>
    n % 6 === 5
      ? { ...loop, reason: "failed to pull `registry.internal/search:7`: manifest unknown" }
      : { ...loop, reason: loop.reason.replace("with 1", "with 78").replace("2.1", `${1 + n}`) }
  ),
  ...jobLoops("shop/search.api", 20, { ...ofSearch, exitCode: 78 }).slice(18).map((loop) => gaveUp(loop)),
  ...["edge/proxy.nginx", "edge/dns.coredns", "infra/logs.vector", "shop/cart.web"].map((name, n) =>
    madeLoop(`${name}[${n}]`, {
      ...onBrokenNode,
      count: 14 - n,
      since: ago(5 - n / 10),
      reason: `failed to start \`${name}\`: no space left on device, ${14 - n} times since 14:27 UTC`,
    })
  ),
  ...jobLoops("infra/metrics.node-exporter", 3, { ...onBrokenNode, count: 8, since: ago(4.5) }),
  ...jobLoops("batch/import.nightly", 2, { muted, count: 812, since: ago(600), owner: "team-data" }),
  madeLoop("batch/export.weekly[0]", { muted, count: 64, since: ago(300), owner: "team-data" }),
  madeLoop("default/cron.tick[0]", {
    count: 5,
    cause: { kind: "storm", id: "storm-1", text: "23 groups of loops began within a minute" },
  }),
  gaveUp(madeLoop("media/encoder.h264[1]", { count: 11, since: ago(40) }), ago(12)),
];

/** What was asked about a loop of `shop/search`. */
export const searchContext: AlertContext = {
  Change: {
    JobVersion: 7,
    Submitted: ago(22.7),
    Image: "registry.internal/search:7",
    Deployment: {
      ID: "4b4b0a2e-6f0e-2c68-9f4b-0b0cbe3a7d10",
      Status: "failed",
      Description: "Failed due to unhealthy allocations",
    },
    Previous: { JobVersion: 6, Stable: true },
  },
  Allocations: { Total: 20, Looping: 18, Running: 0 },
  LastWords: {
    Stderr: [
      "2026-03-10T14:32:01Z INFO  search-api 7.0.0 starts",
      "2026-03-10T14:32:01Z FATAL config: SEARCH_INDEX_URL is not set",
      "\tat main.loadConfig (config.go:41)",
    ],
    Stdout: ["<b>listening</b> on :8080"],
  },
};

/** As many loops as that, each with its own name and count: `job-0000.web[0]` is the worst; of as many jobs. */
export function manyLoops(count: number, jobs = count): LoopView[] {
  return Array.from({ length: count }, (_, n) => {
    const restarts = 5 + Math.floor((count - n) / 100);
    return madeLoop(`batch/job-${`${n % jobs}`.padStart(4, "0")}.web[${Math.floor(n / jobs)}]`, {
      count: restarts,
      since: ago(4 + n / 50),
      node: `worker-${n % 40}`,
    });
  });
}
