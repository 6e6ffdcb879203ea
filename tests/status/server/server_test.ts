// What the server answers to whom, over real connections; and where it can and cannot listen.
import assert from "node:assert/strict";
import { Health } from "../../../src/lib/health.ts";
import { defaultLimits } from "../../../src/status/server/connections.ts";
import { type Address, listenSettings } from "../../../src/status/listen.ts";
import type { LoopSources } from "../../../src/status/runtime_info.ts";
import type { RowView } from "../../../src/status/view.ts";
import { endpoints } from "../../../src/status/server/endpoints.ts";
import type { StatusServer } from "../../../src/status/server/server.ts";
import { readSettings } from "../../../src/lib/settings/setting.ts";
import { freePort } from "../../helpers/rabbitmq.ts";
import { at, crashes, stop } from "../../helpers/runs.ts";
import { lane, loopsRule, runtimeInfo, statusServer, Watched } from "../../helpers/status.ts";
import { waitFor } from "../../helpers/wait_for.ts";

/** An answer: status and JSON or text. */
async function ask(server: StatusServer, path: string, init: RequestInit = {}) {
  const response = await fetch(server.where + path.slice(1), init);
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

function working(): Health {
  const health = new Health();
  health.up();
  return health;
}

Deno.test("every endpoint answers, with the security headers", async () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(3));
  await using server = await statusServer({ watched });
  for (const { path } of endpoints) {
    const name = path.startsWith("/page/") ? "index.html" : "api.web%5B0%5D%2Fapp";
    const url = server.where + path.replace(/<.*>/, name).slice(1);
    const response = await fetch(url);
    const expected = path === "/readyz" ? 503 : 200;
    assert.equal(response.status, expected, url);
    await response.body!.cancel();
    assert.equal(
      response.headers.get("content-security-policy"),
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    const isFile = path === "/" || path.startsWith("/page/") || path.startsWith("/allocation/");
    assert.equal(response.headers.get("cache-control"), isFile ? "no-cache" : "no-store", path);
  }
});

Deno.test("HEAD answers as GET does, without the body", async () => {
  await using server = await statusServer();
  for (const path of ["/", "/metrics", "/livez", "/api/v1/status", "/api/v1/events", "/nosuch"]) {
    const head = await fetch(server.where + path.slice(1), { method: "HEAD" });
    assert.equal(head.status, path === "/nosuch" ? 404 : 200, path);
    assert.equal(await head.text(), "");
  }
  assert.equal(server.clients, 0);
});

Deno.test("/metrics answers in the text format, whatever the client accepts", async () => {
  await using server = await statusServer();
  const text = await ask(server, "/metrics");
  assert.equal(text.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.match(text.body, /^crashloop_detector_active_loops 0$/m);
  const accept = "application/openmetrics-text; version=1.0.0";
  const other = await ask(server, "/metrics", { headers: { accept } });
  assert.equal(other.headers.get("content-type"), text.headers.get("content-type"));
});

Deno.test("/readyz says why the detector is not ready, one reason per line", async () => {
  const source = { type: "amqp", health: working() };
  await using server = await statusServer({ source, sinks: [lane({ health: working() })] });
  const ready = await ask(server, "/readyz");
  assert.deepEqual([ready.status, ready.body], [200, "ok\n"]);
  source.health.down("amqp://rabbit/ cannot be reached");
  const down = await ask(server, "/readyz");
  assert.deepEqual([down.status, down.body], [
    503,
    "source amqp: down for 0s: amqp://rabbit/ cannot be reached\n",
  ]);
  assert.equal(down.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal((await ask(server, "/livez")).status, 200);
});

Deno.test("/api/v1/status has the state of everything", async () => {
  const from = runtimeInfo({ mode: "live", source: { type: "amqp", health: working() } });
  from.counters.others = 3;
  from.counters.events.first = 2;
  from.counters.alerts.first = 2;
  await using server = await statusServer({ ...from, watched: new Watched(loopsRule()) });
  const { body } = await ask(server, "/api/v1/status");
  assert.ok(Math.abs(Date.parse(body.now) - Date.now()) < 60_000);
  for (const time of [body.wallNow, body.source.since, body.sinks[0].since]) {
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  }
  delete body.now;
  delete body.wallNow;
  delete body.source.since;
  delete body.sinks[0].since;
  assert.deepEqual(body, {
    version: "1.2.3",
    startedAt: "2026-11-24T03:42:54Z",
    mode: "live",
    rule: { type: "restarts", counts: "restart", threshold: 2, interval: "1h", notificationInterval: "1h" },
    source: { type: "amqp", up: true, problem: null, ended: false },
    sinks: [{ type: "stdout", up: false, problem: "not connected yet", pending: 0, oldestPendingAt: null }],
    messages: { events: 2, others: 3, malformed: 0, duplicates: 0, outsideWindow: 0, requested: 0 },
    notifications: 2,
    trackedKeys: 0,
    activeLoops: 0,
    lastEventAt: null,
  });
});

Deno.test("/api/v1/loops filters, sorts and pages", async () => {
  const watched = new Watched(loopsRule());
  watched.hear(
    ...crashes(2, 0, 20, { job: "first" }),
    ...crashes(5, 100, 20, { job: "Second", node: "rack-7" }),
    ...crashes(3, 300, 20, { job: "third" }),
    ...stop(at(500), undefined, { job: "third" }),
  );
  await using server = await statusServer({ watched });
  const asked = async (query: string) => {
    const { status, body } = await ask(server, `/api/v1/loops${query}`);
    assert.equal(status, 200, query);
    return [body.total, ...body.loops.map(({ job }: { job: string }) => job)];
  };
  assert.deepEqual(await asked(""), [3, "third", "Second", "first"]);
  assert.deepEqual(await asked("?sort=worst"), [3, "Second", "third", "first"]);
  assert.deepEqual(await asked("?status=looping"), [2, "Second", "first"]);
  assert.deepEqual(await asked("?status=resolved&q="), [1, "third"]);
  assert.deepEqual(await asked("?q=sEcOnd.web"), [1, "Second"]);
  assert.deepEqual(await asked("?q=rack-7"), [1, "Second"]);
  assert.deepEqual(await asked("?offset=1&limit=1"), [3, "Second"]);
  assert.deepEqual(await asked("?offset=1000000"), [3]);
});

Deno.test("/api/v1/jobs has the loops by job, filtered, sorted and paged, and opens groups", async () => {
  const watched = new Watched(loopsRule());
  watched.hear(
    ...crashes(2, 0, 20, { job: "one" }),
    ...crashes(5, 100, 20, { job: "many", index: 0 }),
    ...crashes(3, 300, 20, { job: "many", index: 1, node: "rack-7" }),
    ...crashes(3, 400, 20, { job: "over" }),
    ...stop(at(500), undefined, { job: "over" }),
  );
  await using server = await statusServer({ watched });
  const asked = async (query: string) => {
    const { status, body } = await ask(server, `/api/v1/jobs${query}`);
    assert.equal(status, 200, query);
    const names = body.rows.map((row: RowView) =>
      row.kind === "loop" ? row.loop.name : `${row.open ? "-" : "+"} ${row.name}`
    );
    return [body.total, body.loops, ...names];
  };
  const [first, second] = ["many.web[0]/app", "many.web[1]/app"];
  assert.deepEqual(await asked(""), [2, 3, "+ many.web/app", "one.web[0]/app"]);
  assert.deepEqual(await asked("?status=resolved"), [1, 1, "over.web[0]/app"]);
  const open = "toggled=nosuch&toggled=many.web/app";
  assert.deepEqual(await asked(`?${open}`), [4, 3, "- many.web/app", second, first, "one.web[0]/app"]);
  assert.deepEqual(await asked(`?sort=worst&offset=1&limit=2&${open}`), [4, 3, first, second]);
  assert.deepEqual(await asked("?q=RACK"), [1, 1, second]);
});

Deno.test("a loop has its cause, and its context by its id", async () => {
  const asked: string[] = [];
  const context = { Allocations: { Total: 20, Looping: 3, Running: 17 } };
  const sources: LoopSources = {
    groupOf: (loop) => {
      asked.push(loop);
      return { cause: "node", id: "n", text: "3 jobs loop on node n1" };
    },
    context: () => context,
  };
  const watched = new Watched(loopsRule(), undefined, undefined, sources);
  watched.hear(...crashes(3));
  await using server = await statusServer({ watched });
  const { body: { loops: [loop] } } = await ask(server, "/api/v1/loops");
  assert.deepEqual(loop.cause, { kind: "node", id: "n", text: "3 jobs loop on node n1" });
  assert.deepEqual([...new Set(asked)], [loop.id]);
  const { body } = await ask(server, `/api/v1/allocations/${loop.id}`);
  assert.deepEqual(body.context, context);
  Object.assign(sources, {
    groupOf: () => ({ cause: "job", id: "j", text: "api.web" }),
    context: () => undefined,
  });
  const { body: later } = await ask(server, `/api/v1/allocations/${loop.id}`);
  assert.deepEqual([later.loop.cause, later.context], [null, context], "of what is no longer known the last");
});

Deno.test("a loop has neither cause nor context if nothing knows of them", async () => {
  const watched = new Watched(loopsRule());
  watched.hear(...crashes(3));
  await using server = await statusServer({ watched });
  const { body } = await ask(server, "/api/v1/allocations/api.web%5B0%5D%2Fapp");
  assert.deepEqual([body.loop.cause, body.context], [null, null]);
});

const wrong: readonly (readonly [method: string, path: string, status: number, error: string])[] = [
  ["GET", "/api/v1/loops?status=over", 400, 'status: found "over"; expected looping, gave-up or resolved'],
  ["GET", "/api/v1/loops?sort=best", 400, 'sort: found "best"; expected newest or worst'],
  ["GET", "/api/v1/loops?offset=-1", 400, 'offset: found "-1"; expected a whole number from 0 to 1000000'],
  ["GET", "/api/v1/loops?limit=1001", 400, 'limit: found "1001"; expected a whole number from 1 to 1000'],
  ["GET", "/api/v1/loops?limit=0", 400, 'limit: found "0"; expected a whole number from 1 to 1000'],
  ["GET", "/api/v1/loops?limit=1&limit=2", 400, "limit: found it twice; give it once"],
  [
    "GET",
    "/api/v1/loops?stat=x",
    400,
    'unknown parameter "stat": expected status, q, sort, offset or limit',
  ],
  [
    "GET",
    "/api/v1/jobs?open=x",
    400,
    'unknown parameter "open": expected status, q, sort, offset, limit or toggled',
  ],
  ["GET", "/api/v1/jobs?q=a&q=b", 400, "q: found it twice; give it once"],
  ["GET", "/api/v1/allocations/%ff", 400, "the path is not percent-encoded UTF-8"],
  [
    "GET",
    "/api/v1/allocations/a%22b",
    404,
    'no loop is known by "a\\"b": expected its name, its id or the id of an allocation',
  ],
  ["GET", "/nosuch", 404, "not found; src/status/README.md lists the paths"],
  ["GET", "/api/v1/status/", 404, "not found; src/status/README.md lists the paths"],
  ["GET", "/page/..%2Fserver.ts", 404, "not found; src/status/README.md lists the paths"],
  ["GET", "/page/", 404, "not found; src/status/README.md lists the paths"],
  ["GET", "/__proto__", 404, "not found; src/status/README.md lists the paths"],
  ["POST", "/api/v1/status", 405, "POST is not possible: this server only answers GET and HEAD"],
  ["DELETE", "/nosuch", 405, "DELETE is not possible: this server only answers GET and HEAD"],
  ["OPTIONS", "/livez", 405, "OPTIONS is not possible: this server only answers GET and HEAD"],
];

Deno.test("a wrong request is answered with the error as JSON", async () => {
  await using server = await statusServer();
  for (const [method, path, status, error] of wrong) {
    const answer = await ask(server, path, { method });
    assert.deepEqual([answer.status, answer.body], [status, { error }], `${method} ${path}`);
    assert.equal(answer.headers.get("allow"), status === 405 ? "GET, HEAD" : null);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  }
});

Deno.test("with a token, only health and the page's files are answered without it", async () => {
  await using server = await statusServer({ token: "s3cret: t" });
  const wrong = [undefined, "Bearer wrong", "Bearer", `Basic ${btoa("anybody:s3cret: t")}`, "s3cret: t"];
  for (const path of ["/metrics", "/api/v1/status", "/api/v1/events", "/nosuch"]) {
    for (const authorization of wrong) {
      const headers: HeadersInit = authorization === undefined ? {} : { authorization };
      const answer = await ask(server, path, { headers });
      assert.equal(answer.status, 401, `${path} ${authorization}`);
      assert.deepEqual(answer.body, { error: "a token is needed: Authorization: Bearer <LISTEN_TOKEN>" });
      assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="nomad-crashloop-detector"');
    }
  }
  for (const authorization of ["Bearer s3cret: t", "bearer s3cret: t"]) {
    assert.equal((await ask(server, "/metrics", { headers: { authorization } })).status, 200, authorization);
  }
  for (const path of ["/livez", "/", "/page/main.js", "/allocation/a%2Fb.web%5B0%5D"]) {
    assert.equal((await ask(server, path)).status, 200, path);
  }
  assert.equal((await ask(server, "/readyz")).status, 503);
});

Deno.test("the files of the page have the content types that browsers need", async () => {
  await using server = await statusServer();
  for (
    const [path, type] of [
      ["/", "text/html"],
      ["/allocation/a%2Fb", "text/html"],
      ["/page/main.js", "text/javascript"],
      ["/page/style.css", "text/css"],
    ] as const
  ) {
    assert.equal((await ask(server, path)).headers.get("content-type"), `${type}; charset=utf-8`);
  }
});

/** What comes back of raw bytes. */
async function raw(server: StatusServer, bytes: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(server.where).port) });
  await connection.write(new TextEncoder().encode(bytes));
  const buffer = new Uint8Array(4096);
  const count = await connection.read(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, count));
}

Deno.test("headers of 100 kB and invalid HTTP are rejected, and others are still answered", async () => {
  await using server = await statusServer();
  const long = await raw(
    server,
    `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(100_000)}\r\n\r\n`,
  );
  assert.match(long, /^HTTP\/1\.1 4\d\d /);
  assert.match(await raw(server, "rubbish\r\n\r\n"), /^HTTP\/1\.1 400 |^$/);
  assert.equal((await ask(server, "/livez")).status, 200);
});

Deno.test("listen() fails with the reason if a host, a port or a socket cannot be bound", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using living = await statusServer({ address: { path: `${folder}/living.sock` } });
    await using taken = await statusServer();
    const port = Number(new URL(taken.where).port);
    await Deno.writeTextFile(`${folder}/file`, "");
    const cases: readonly (readonly [Address, string])[] = [
      [
        { hostname: "127.0.0.1", port },
        `127.0.0.1:${port}: another process listens there; choose another port`,
      ],
      [{ hostname: "192.0.2.1", port: 9465 }, "192.0.2.1:9465: this machine does not have that address"],
      [{ hostname: "nosuch.invalid", port: 9465 }, "nosuch.invalid:9465: no such host is known"],
      [
        { path: living.where.slice(5) },
        `"${folder}/living.sock": another process listens there; name another path`,
      ],
      [{ path: `${folder}/file` }, `"${folder}/file": it exists and is no socket; name another path`],
      [{ path: `${folder}/nosuch/a.sock` }, `"${folder}/nosuch/a.sock": there is no such directory`],
    ];
    for (const [address, reason] of cases) {
      await assert.rejects(statusServer({ address }), {
        name: "Fault",
        message: `LISTEN (--listen): cannot listen on ${reason}`,
      });
    }
    const answer = await unixAsk(`${folder}/living.sock`);
    assert.match(answer, /^HTTP\/1\.1 200 OK/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function unixAsk(path: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(
    new TextEncoder().encode("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
  );
  const buffer = new Uint8Array(1000);
  return new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
}

Deno.test("listen() replaces the socket of a dead process, and removes its own at the end", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/status.sock`;
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `Deno.serve({ path: ${
          JSON.stringify(path)
        }, onListen: () => Deno.kill(Deno.pid, "SIGKILL") }, () => new Response())`,
      ],
      stdout: "null",
      stderr: "null",
    }).output();
    assert.notEqual(code, 0);
    assert.ok((await Deno.lstat(path)).isSocket);
    {
      await using server = await statusServer({ address: { path } });
      assert.equal(server.where, `unix:${path}`);
      assert.match(await unixAsk(path), /^HTTP\/1\.1 200 OK/);
    }
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("only the owner can open a Unix socket, whatever the umask is", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/status.sock`;
  const before = Deno.umask(0);
  try {
    await using _ = await statusServer({ address: { path } });
    assert.equal(((await Deno.lstat(path)).mode! & 0o777).toString(8), "600");
    assert.match(await unixAsk(path), /^HTTP\/1\.1 200 OK/);
  } finally {
    Deno.umask(before);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("LISTEN takes a host and a port, an IPv6 address, a port alone, and a path", () => {
  const accepted: readonly (readonly [text: string, address: Address])[] = [
    ["127.0.0.1:9465", { hostname: "127.0.0.1", port: 9465 }],
    ["localhost:0", { hostname: "localhost", port: 0 }],
    ["[::1]:9465", { hostname: "::1", port: 9465 }],
    [":65535", { hostname: "::", port: 65_535 }],
    ["unix:/run/detector.sock", { path: "/run/detector.sock" }],
  ];
  const problems: string[] = [];
  const read = (text: string) =>
    readSettings(listenSettings, { flags: {}, env: { LISTEN: text }, problems })?.listen;
  for (const [text, address] of accepted) assert.deepEqual(read(text), address, text);
  assert.deepEqual(problems, []);
  const refused = [
    "9465",
    "127.0.0.1",
    "127.0.0.1:65536",
    "::1:9465",
    "http://127.0.0.1:9465",
    "unix:",
    "a b:1",
    "x:-1",
  ];
  for (const text of refused) read(text);
  assert.deepEqual(
    problems,
    refused.map((text) =>
      `LISTEN (--listen): found "${text}"; expected HOST:PORT, [IPv6]:PORT, :PORT for all interfaces, or unix:PATH, ` +
      "such as 127.0.0.1:9465"
    ),
  );
});

Deno.test("all interfaces include IPv4 and IPv6", async () => {
  await using server = await statusServer({ address: { hostname: "::", port: freePort() } });
  assert.match(server.where, /^http:\/\/\[::\]:\d+\/$/);
  const { port } = new URL(server.where);
  for (const host of ["127.0.0.1", "[::1]"]) {
    assert.equal(await (await fetch(`http://${host}:${port}/livez`)).text(), "ok\n");
  }
});

Deno.test("200 clients can read the events while others are answered", async () => {
  await using server = await statusServer();
  const port = Number(new URL(server.where).port);
  const connections: Deno.TcpConn[] = [];
  try {
    const asking = new TextEncoder().encode("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (let count = 0; count < 200; count++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connections.push(connection);
      await connection.write(asking);
    }
    await waitFor("200 clients", () => server.clients === 200);
    const more = await ask(server, "/api/v1/events");
    assert.equal(more.status, 503);
    assert.deepEqual(more.body, { error: "200 clients read the events already; try again later" });
    assert.equal((await ask(server, "/readyz")).status, 503);
    assert.equal((await ask(server, "/livez")).status, 200);
  } finally {
    for (const connection of connections) connection.close();
  }
  await waitFor("all clients to be gone", () => server.clients === 0);
});

Deno.test("open requests are limited, and health is always answered", async () => {
  await using server = await statusServer({ limits: { ...defaultLimits, requests: 2 } });
  const open = await Promise.all([1, 2].map(() => fetch(`${server.where}api/v1/events`)));
  const more = await ask(server, "/metrics");
  assert.deepEqual([more.status, more.body], [503, {
    error: "2 requests are open already; try again later",
  }]);
  assert.equal((await ask(server, "/livez")).status, 200);
  await open[0]!.body!.cancel();
  await waitFor("room for one more", async () => (await ask(server, "/metrics")).status === 200);
  await open[1]!.body!.cancel();
});

Deno.test("disposing the server ends event streams and does not wait for clients that do not read", async () => {
  const server = await statusServer();
  const port = Number(new URL(server.where).port);
  const stream = await fetch(`${server.where}api/v1/events`);
  using idle = await Deno.connect({ hostname: "127.0.0.1", port });
  await idle.write(new TextEncoder().encode("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  using half = await Deno.connect({ hostname: "127.0.0.1", port });
  await half.write(new TextEncoder().encode("GET /livez HTTP/1.1\r\nHos"));
  await waitFor("both clients", () => server.clients === 2);
  const begun = performance.now();
  await server[Symbol.asyncDispose]();
  assert.ok(performance.now() - begun < 5_000);
  assert.match(await stream.text(), /^retry: 2000\n\n:\n\nevent: status\ndata: \{"version":"1\.2\.3",/);
});
