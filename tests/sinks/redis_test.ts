// The sink `redis` at a real Redis: what it sends, and what it says of each thing that can be wrong.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { mock } from "node:test";
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Fault } from "../../src/lib/errors.ts";
import { redis } from "../../src/sinks/redis/redis.ts";
import { command, RedisError, ReplyDecoder } from "../../src/sinks/redis/resp.ts";
import { explainRefusal } from "../../src/sinks/redis/errors.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { Authority } from "../helpers/certificates.ts";
import { freePort } from "../helpers/rabbitmq.ts";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { type Redis, startRedis } from "../helpers/redis.ts";
import { sinkContext } from "../helpers/sink.ts";
import { waitFor } from "../helpers/wait_for.ts";

let server: Redis;
let proxy: Proxy;
Deno.test.beforeAll(async () => {
  server = await startRedis();
  proxy = await startProxy(server.port);
});
Deno.test.afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function open(more: Record<string, string> = {}, lost: Fault[] = []): Sink {
  const env = { SINK_REDIS_URL: `redis://127.0.0.1:${proxy.port}/`, SINK_REDIS_KEY: "loops", ...more };
  const listener = { lost: (fault: Fault) => lost.push(fault), blocked() {}, part() {} };
  const problems: string[] = [];
  const prepared = redis.prepare({ flags: {}, env, problems });
  assert.deepEqual(problems, []);
  return prepared!.open(sinkContext({ listener }));
}

const at = (port = proxy.port, database = "") => `redis://127.0.0.1:${port}/${database}`;
const fault = (message: string, recovery = "operator") => ({ name: "Fault", message, recovery });

Deno.test("send() appends the alert's JSON to the list, in the database of the URL", async () => {
  await using sink = open({ SINK_REDIS_URL: at(proxy.port, "3") });
  const alerts = [alertAbout("caf\u00e9[0]"), alertAbout("b[0]")];
  for (const alert of alerts) await sink.send(alert);
  assert.equal(await server.command("-n", "3", "LLEN", "loops"), "2");
  assert.equal(await server.command("LLEN", "loops"), "0");
  const { stdout } = await new Deno.Command("redis-cli", {
    args: ["-p", `${server.port}`, "-n", "3", "LRANGE", "loops", "0", "-1"],
  }).output();
  assert.equal(new TextDecoder().decode(stdout), alerts.map((alert) => `${alertJson(alert)}\n`).join(""));
});

Deno.test("send() opens one connection however many alerts come before it is there, and keeps their order", async () => {
  const alerts = Array.from({ length: 100 }, (_, index) => alertAbout(`j.g[${index}]`));
  {
    await using sink = open({ SINK_REDIS_KEY: "many" });
    await Promise.all(alerts.map((alert) => sink.send(alert)));
    assert.equal(proxy.connections, 1);
  }
  assert.deepEqual(await server.list("many"), alerts.map((alert) => alertJson(alert)));
  await waitFor("the connection to be closed", () => proxy.connections === 0);
});

Deno.test("check() says what the key is", async () => {
  const where = at();
  await using sink = open({ SINK_REDIS_KEY: "checked" });
  assert.equal(
    await sink.check(),
    `${where}: connected; the key "checked" is not there yet, the first alert makes it`,
  );
  await sink.send(alertAbout());
  assert.equal(await sink.check(), `${where}: connected; the key "checked" is a list`);
});

Deno.test("connect(), check() and send() say that the key is no list, and can be mended", async () => {
  await server.command("SET", "text", "x");
  await using sink = open({ SINK_REDIS_KEY: "text" });
  const expected = fault(
    `${at()}: the key "text" is not a list; set SINK_REDIS_KEY to another one, or delete it there`,
  );
  await assert.rejects(sink.connect(), expected);
  await assert.rejects(sink.check(), expected);
  await assert.rejects(sink.send(alertAbout()), expected);
  await server.command("DEL", "text");
  await sink.send(alertAbout());
});

Deno.test("connect() says what is wrong with the login, without the password", async () => {
  await using locked = await startRedis(
    ...["--requirepass", "hunter2", "--user", "writer", "on", ">hunter3", "~loops", "+rpush"],
  );
  const url = (login: string, path = "") => `redis://${login}127.0.0.1:${locked.port}${path}`;
  const wrong = [
    [url(""), `${url("", "")} demands a password; put it into the URL: redis://:password@…`],
    [url(":nosuch@"), `${url(":***@")} refused user and password; correct them in the URL`],
    [
      url("nosuch:hunter2@"),
      `${url("nosuch:***@")} refused user and password; correct them in the URL`,
    ],
    [url(":hunter2@", "/99"), `${url(":***@", "/99")} has no database 99; set another one in the URL`],
  ] as const;
  for (const [given, said] of wrong) {
    await using sink = open({ SINK_REDIS_URL: given });
    await assert.rejects(sink.connect(), fault(said));
  }
  await using sink = open({ SINK_REDIS_URL: url(":hunter2@") });
  await sink.send(alertAbout());

  await using writer = open({ SINK_REDIS_URL: url("writer:hunter3@") });
  await writer.send(alertAbout());
  assert.equal(
    await writer.check(),
    `${
      url("writer:***@")
    }: connected; the key "loops" may not be looked at by this user, the first alert will show`,
  );
  await using elsewhere = open({ SINK_REDIS_URL: url("writer:hunter3@"), SINK_REDIS_KEY: "other" });
  await assert.rejects(
    elsewhere.send(alertAbout()),
    fault(
      `${
        url("writer:***@")
      }: NOPERM this user has no permissions to access one of the keys used as arguments; ` +
        'allow the user RPUSH on the key "other"',
    ),
  );
});

Deno.test("connect() says that no password is needed", async () => {
  await using sink = open({ SINK_REDIS_URL: `redis://:hunter2@127.0.0.1:${proxy.port}` });
  await assert.rejects(
    sink.connect(),
    fault(
      `redis://:***@127.0.0.1:${proxy.port} has no password, but the URL has one; leave it out of the URL`,
    ),
  );
});

Deno.test("send() says that Redis has no memory left, or is a replica, and works when that is over", async () => {
  await using sink = open();
  await server.command("CONFIG", "SET", "maxmemory", "1");
  await assert.rejects(
    sink.send(alertAbout()),
    fault(`${at()} has no memory left: it is at its maxmemory`, "transient"),
  );
  await server.command("CONFIG", "SET", "maxmemory", "0");
  await sink.send(alertAbout());
  await server.command("REPLICAOF", "127.0.0.1", "1");
  await assert.rejects(
    sink.send(alertAbout()),
    fault(`${at()} is a replica that takes no writes`, "transient"),
  );
  await waitFor("the connection to be closed, as its name may lead elsewhere", () => proxy.connections === 0);
  await server.command("REPLICAOF", "NO", "ONE");
  await sink.send(alertAbout());
});

Deno.test("errors of servers that are not here are explained too", () => {
  const place = { where: at(), prefix: "SINK_REDIS", key: '"loops"', database: "0" };
  const explain = (said: string) => {
    const { message, recovery } = explainRefusal(new RedisError(said), place);
    return [message, recovery];
  };
  for (
    const [said, ...expected] of [
      [
        "MOVED 3999 10.0.0.2:6381",
        `${at()} is one node of a cluster, and the key "loops" is at 10.0.0.2:6381; set the URL to that`,
        "operator",
      ],
      [
        "LOADING Redis is loading the dataset in memory",
        `${at()} is starting: it still loads its data`,
        "transient",
      ],
      [
        "ERR wrong number of arguments for 'auth' command",
        `${at()} is older than Redis 6 and knows no users; leave the user out of the URL: redis://:password@…`,
        "operator",
      ],
      [
        "DENIED Redis is running in protected mode because",
        `${at()} is in protected mode and accepts no remote clients; give it a password, and the URL`,
        "operator",
      ],
      [
        "MISCONF Redis is configured to save RDB snapshots",
        `${at()}: MISCONF Redis is configured to save RDB snapshots`,
        "transient",
      ],
    ] as const
  ) assert.deepEqual(explain(said), expected);
});

Deno.test("a connection without alerts is kept alive by a PING each 30 s, until the sink is closed", async () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    const pings = async () =>
      Number(/cmdstat_ping:calls=(\d+)/.exec(await server.command("INFO", "commandstats"))?.[1] ?? 0);
    const sink = open();
    await sink.connect();
    const before = await pings();
    mock.timers.tick(30_000);
    await waitFor("a PING", async () => await pings() === before + 1);
    await sink[Symbol.asyncDispose]();
    mock.timers.tick(30_000);
    assert.equal(await pings(), before + 1);
  } finally {
    mock.timers.reset();
  }
});

Deno.test("alerts in flight when the connection is lost are rejected with the reason, which is told once", async () => {
  const lost: Fault[] = [];
  await using sink = open({}, lost);
  await sink.connect();
  proxy.stall();
  const sends = Promise.allSettled([sink.send(alertAbout()), sink.send(alertAbout())]);
  await proxy.cut();
  proxy.resume();
  for (const send of await sends) {
    assert.equal(send.status, "rejected");
    assert.deepEqual(send.reason, lost[0]);
  }
  assert.deepEqual(lost.map(({ message }) => message), [`${at()} closed the connection`]);
  await sink.send(alertAbout());
});

Deno.test("disposing the sink settles alerts in flight and connections that are only being opened, though Redis is silent", async () => {
  const [sink, opening] = [open(), open()];
  await sink.connect();
  proxy.stall();
  const sends = Promise.allSettled([sink.send(alertAbout()), opening.connect()]);
  await waitFor("both connections", () => proxy.connections === 2);
  await sink[Symbol.asyncDispose]();
  await opening[Symbol.asyncDispose]();
  for (const send of await sends) {
    assert.equal(send.status, "rejected");
    assert.deepEqual([send.reason.name, send.reason.message], ["Fault", "closed"]);
  }
  proxy.resume();
  await proxy.cut();
});

Deno.test("connect() says that nobody listens, that host not found, or that something else does", async () => {
  const other = createServer((socket) =>
    void socket.on("error", () => {}).resume().end("HTTP/1.1 400 Bad Request\r\n\r\n")
  ).listen(
    0,
    "127.0.0.1",
  );
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  for (
    const [url, said] of [
      [at(1), `${at(1)}: connection refused`],
      ["redis://nosuch.invalid", "redis://nosuch.invalid:6379: host not found"],
      [at(port), `${at(port)} does not speak the protocol of Redis; set another port in the URL`],
    ] as const
  ) {
    await using sink = open({ SINK_REDIS_URL: url });
    await assert.rejects(sink.connect(), fault(said, "transient"));
  }
  other.close();
  await once(other, "close");
});

Deno.test("rediss:// speaks TLS with an authority and a client certificate of one's own", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const authority = await Authority.create(directory, "test authority");
    const own = await authority.sign({ name: "redis", hosts: ["IP:127.0.0.1"] });
    const client = await authority.sign({ name: "detector" });
    const port = freePort();
    await using secured = await startRedis(
      ...["--tls-port", `${port}`, "--tls-cert-file", own.cert, "--tls-key-file", own.key],
      ...["--tls-ca-cert-file", authority.cert],
    );
    const url = `rediss://127.0.0.1:${port}`;
    const trusts = { SINK_REDIS_URL: url, SINK_REDIS_TLS_CA_FILE: authority.cert };
    const pair = { SINK_REDIS_TLS_CERT_FILE: client.cert, SINK_REDIS_TLS_KEY_FILE: client.key };
    const alert = alertAbout();
    await using sink = open({ ...trusts, ...pair });
    await sink.send(alert);
    assert.deepEqual(await secured.list("loops"), [alertJson(alert)]);

    await using wary = open({ SINK_REDIS_URL: url, ...pair });
    await assert.rejects(
      wary.connect(),
      fault(
        `the certificate of ${url} is not signed by a public CA, but by "test authority"; set ` +
          "SINK_REDIS_TLS_CA_FILE (--sink-redis-tls-ca-file) to a file that holds its CA's certificate",
        "config",
      ),
    );
    await using plain = open({ ...trusts, SINK_REDIS_URL: `rediss://127.0.0.1:${secured.port}` });
    await assert.rejects(
      plain.connect(),
      fault(
        `rediss://127.0.0.1:${secured.port}: it may be without TLS: no handshake within 5 s`,
        "transient",
      ),
    );
    await using unencrypted = open({ SINK_REDIS_URL: at(port) });
    await assert.rejects(
      unencrypted.connect(),
      fault(`${at(port)} ends the connection at once; it may expect TLS, which is rediss://`, "transient"),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("settings that are no Redis are explained, without the password", () => {
  const problems = (env: Record<string, string>) => {
    const found: string[] = [];
    redis.prepare({ flags: {}, env: { SINK_REDIS_KEY: "k", ...env }, problems: found });
    return found;
  };
  const hidden = "SINK_REDIS_URL (--sink-redis-url): found a value that is not shown here";
  const expected =
    "expected a URL that begins with redis:// or rediss://, such as redis://:secret@localhost:6379/0";
  assert.deepEqual(problems({ SINK_REDIS_URL: "redis://:hunter2@h/zero" }), [
    `${hidden}, whose path is not the number of a database; ${expected}`,
  ]);
  assert.deepEqual(problems({ SINK_REDIS_URL: "redis://hunter2@h/0" }), [
    `${hidden}, with a user but no password; a password alone is written :password@; ${expected}`,
  ]);
  assert.deepEqual(problems({ SINK_REDIS_URL: "redis://:hunter2@h", SINK_REDIS_TLS_CA_FILE: "/ca.pem" }), [
    "SINK_REDIS_TLS_CA_FILE (--sink-redis-tls-ca-file): found for redis://:***@h:6379, which is without TLS; " +
    "let the URL begin with rediss://",
  ]);
});

Deno.test("replies are decoded in whatever pieces they come", () => {
  const decoder = new ReplyDecoder("r");
  const bytes = new TextEncoder().encode("+caf\u00e9\r\n:12\r\n-ERR no\r\n");
  const replies = [...bytes].flatMap((byte) => [...decoder.decode(Buffer.from([byte]))]);
  assert.deepEqual(replies, ["caf\u00e9", 12, new RedisError("ERR no")]);
  assert.equal(
    command("RPUSH", "k", "\u00e9").toString(),
    "*3\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n$2\r\n\u00e9\r\n",
  );
});
