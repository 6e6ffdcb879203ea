// Secrets: whatever goes wrong, and however the program gets its passwords, it prints none of them.
import assert from "node:assert/strict";
import { loadSinks } from "../../src/commands/adapters.ts";
import { settingsOf } from "../../src/commands/settings.ts";
import { Authority } from "../helpers/certificates.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { type Kinesis, startKinesis } from "../helpers/kinesis.ts";
import { type End, Program, run } from "../helpers/program.ts";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { freePort, type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { restarts } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

/** Those of every sink too. */
const settingsGroups = settingsOf(await loadSinks(["--help"], undefined));

/** In every form of the passwords, percent-encoded or not. */
const mark = "m4rk3d";
const password = `${mark}/p:ä#?@`;
const encoded = encodeURIComponent(password);

let broker: RabbitMq;
let kinesis: Kinesis;
let proxy: Proxy;
let directory: string;
let tlsPort: number;
let ca: string;
Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir();
  [broker, kinesis] = await Promise.all([startRabbitMq(), startKinesis()]);
  const authority = await Authority.create(directory, "Own CA");
  const { cert, key } = await authority.sign({ name: "localhost", hosts: ["DNS:localhost"] });
  ca = authority.cert;
  tlsPort = freePort();
  await broker.ctl(
    "eval",
    `rabbit_networking:start_ssl_listener({"127.0.0.1", ${tlsPort}}, [{cacertfile,"${ca}"},{certfile,"${cert}"},{keyfile,"${key}"}], 1).`,
  );
  await broker.ctl("add_user", "detector", password);
  await broker.ctl("set_permissions", "detector", ".*", ".*", ".*");
  proxy = await startProxy(broker.port);
  await using own = await brokerClient(broker.url);
  await own.queue("in");
});
Deno.test.afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await kinesis[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
  await Deno.remove(directory, { recursive: true });
});

function url(port: number, { user = "detector", scheme = "amqp", vhost = "" } = {}): string {
  return `${scheme}://${user}:${encoded}@localhost:${port}/${vhost}`;
}

/** The environment that sends to a webhook, whose address is secret. */
function webhook(env: Record<string, string>): Record<string, string> {
  return {
    ...amqp(url(broker.port)),
    SINK_TYPE: "webhook",
    SINK_WEBHOOK_URL: `http://localhost/${encoded}`,
    ...env,
  };
}

/** The environment that consumes at a URL and notifies at another. */
function amqp(source: string, sink = url(broker.port)): Record<string, string> {
  return {
    AMQP_CONNECTION: source,
    AMQP_QUEUE: "in",
    SINK_TYPE: "amqp",
    SINK_AMQP_CONNECTION: sink,
    SINK_AMQP_EXCHANGE: "amq.topic",
    SINK_AMQP_ROUTING_KEY: "crash-loop",
  };
}

function aws(more: Record<string, string> = {}): Record<string, string> {
  return {
    SOURCE_TYPE: "amqp",
    ...amqp(url(broker.port)),
    SINK_TYPE: "kinesis",
    SINK_KINESIS_STREAM_NAME: "nosuch",
    SINK_KINESIS_PARTITION_KEY: "nomad",
    AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
    AWS_SECRET_ACCESS_KEY: password,
    AWS_SESSION_TOKEN: password,
    AWS_REGION: "eu-west-1",
    AWS_ENDPOINT_URL: kinesis.url,
    ...more,
  };
}

/** A file with this text. */
function file(name: string, text: string): string {
  const path = `${directory}/${name}`;
  Deno.writeTextFileSync(path, text);
  return path;
}

/** The environment with its URLs in files. */
function inFiles(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) =>
      /_CONNECTION$/.test(name) ? [`${name}_FILE`, file(crypto.randomUUID(), `${value}\n`)] : [name, value]
    ),
  );
}

function assertNoSecret(...texts: string[]): void {
  const hidden = new RegExp(
    [mark, btoa(mark).slice(0, 6), btoa(`\0detector\0${mark}`).slice(-8, -2)].join("|"),
    "i",
  );
  for (const text of texts) assert.doesNotMatch(text, hidden);
}

/** What is wrong, the environment, and what is printed about it. */
const failures: readonly (readonly [what: string, env: () => Record<string, string>, printed: RegExp])[] = [
  [
    "user of the source unknown",
    () => amqp(url(broker.port, { user: "nobody" })),
    /source\S* .*refused user and password/,
  ],
  [
    "user of the sink unknown",
    () => amqp(url(broker.port), url(broker.port, { user: "nobody" })),
    /sink amqp.*refused user and password/,
  ],
  ["virtual host unknown", () => amqp(url(broker.port, { vhost: "nosuch" })), /refused the virtual host/],
  ["virtual host misspelt", () => amqp(url(broker.port, { vhost: "%zz" })), /refused the virtual host/],
  ["nobody at the source's port", () => amqp(url(freePort())), /source.*ECONNREFUSED/],
  ["nobody at the sink's port", () => amqp(url(broker.port), url(freePort())), /sink amqp.*ECONNREFUSED/],
  [
    "host unknown",
    () => amqp(`amqp://detector:${encoded}@nosuch.invalid/`),
    /nosuch\.invalid.*(ENOTFOUND|EAI_AGAIN)|no answer yet/,
  ],
  ["a port of TLS without TLS", () => amqp(url(tlsPort)), /source.*(ECONNRESET|closed)/],
  ["a port without TLS", () => amqp(url(broker.port, { scheme: "amqps" })), /does not speak TLS/],
  ["authority unknown", () => amqp(url(tlsPort, { scheme: "amqps" })), /is not signed by/],
  [
    "authority's file without one",
    () => ({ ...amqp(url(tlsPort, { scheme: "amqps" })), AMQP_TLS_CA_FILE: file("ca", password) }),
    /holds no certificate/,
  ],
  [
    "a URL in the place of the authority's file",
    () => ({ ...amqp(url(tlsPort, { scheme: "amqps" })), AMQP_TLS_CA_FILE: url(tlsPort) }),
    /cannot read "amqp:.*no such file/,
  ],
  [
    "key's file without one",
    () => ({
      ...amqp(url(tlsPort, { scheme: "amqps" })),
      AMQP_TLS_CERT_FILE: ca,
      AMQP_TLS_KEY_FILE: file("key", `-----BEGIN PRIVATE KEY-----\n${password}\n-----END PRIVATE KEY-----`),
    }),
    /the key in .* is damaged/,
  ],
  [
    "TLS settings without TLS",
    () => ({ ...amqp(url(broker.port)), AMQP_TLS_CA_FILE: ca }),
    /which is without TLS/,
  ],
  [
    "queue missing",
    () => ({ ...amqp(url(broker.port)), AMQP_QUEUE: "nosuch" }),
    /queue "nosuch" does not exist/,
  ],
  [
    "exchange missing",
    () => ({ ...amqp(url(broker.port)), SINK_AMQP_EXCHANGE: "nosuch" }),
    /exchange "nosuch" does not exist/,
  ],
  ["no URL", () => amqp(password), /that is not shown here, (not a URL|with)/],
  ["no scheme", () => amqp(`detector:${mark}@localhost`), /that is not shown here, not a URL/],
  ["password in the place of the scheme", () => amqp(`${mark}:`), /that is not shown here, not a URL/],
  [
    "another scheme",
    () => amqp(url(broker.port, { scheme: "http" })),
    /that is not shown here, a URL of http:/,
  ],
  ["port too large", () => amqp(url(99_999)), /that is not shown here, not a URL/],
  [
    "password not encoded",
    () => amqp(`amqp://detector:${password}@localhost/`),
    /with "\/", "\?" or "#" before "@"/,
  ],
  [
    "password before the path",
    () => amqp(`amqp://detector:1/${mark}@localhost/`),
    /with "\/", "\?" or "#" before "@"/,
  ],
  ["heartbeat wrong", () => amqp(`amqp://localhost/?heartbeat=${mark}`), /whose heartbeat is not/],
  ["stream missing", () => aws(), /stream "nosuch" does not exist/],
  ["no region", () => aws({ AWS_REGION: "" }), /AWS region is none|no AWS region/],
  ["no access key", () => aws({ AWS_ACCESS_KEY_ID: "" }), /no AWS credentials/],
  [
    "nobody at AWS",
    () => aws({ AWS_ENDPOINT_URL: `http://127.0.0.1:${freePort()}` }),
    /connection refused/,
  ],
  [
    "a password in AWS's URL",
    () => aws({ AWS_ENDPOINT_URL: `http://detector:${encoded}@127.0.0.1:${freePort()}/?x=${encoded}` }),
    /sink kinesis/,
  ],
  ["no URL for AWS", () => aws({ AWS_ENDPOINT_URL: password }), /the AWS endpoint is not a URL/],
  [
    "a webhook's headers wrong",
    () => webhook({ SINK_WEBHOOK_HEADERS: password }),
    /that is not shown here, whose line 1 is no header/,
  ],
  [
    "TLS settings of a webhook without TLS",
    () => webhook({ SINK_WEBHOOK_TLS_CA_FILE: ca }),
    /found for http:\/\/localhost\/, which is without TLS/,
  ],
  ["a wrong URL for AWS", () => aws({ AWS_ENDPOINT_URL: url(99_999) }), /the AWS endpoint is not a URL/],
];

for (const [what, env, printed] of failures) {
  Deno.test(`no password is printed: ${what}`, async () => {
    const given = { LOG_LEVEL: "debug", CONNECT_TIMEOUT: "1500ms", ...env() };
    const ends: End[] = await Promise.all([
      run({ env: given }),
      run({ env: { ...inFiles(given), LOG_FORMAT: "json" } }),
      run({ args: ["check"], env: given }),
    ]);
    for (const { code, stdout, stderr } of ends) {
      assert.equal(code, 1);
      assert.match((stdout + stderr).replaceAll('\\"', '"'), printed);
      assertNoSecret(stdout, stderr);
    }
  });
}

Deno.test("no password is printed: URLs with one in the place of every setting, by variable and by flag", async () => {
  const settings = settingsGroups.flatMap(({ settings }) => Object.values(settings));
  const wrong = url(99_999);
  for (const sink of ["amqp", "kinesis", wrong]) {
    const env = Object.fromEntries(settings.map(({ env }) => [env, wrong]));
    const { code, stdout, stderr } = await run({ env: { ...env, SOURCE_TYPE: "amqp", SINK_TYPE: sink } });
    assert.equal(code, 1);
    assert.ok(stderr.split("\n").length > 10, stderr);
    assertNoSecret(stdout, stderr);
  }
  const flags = settings.filter(({ toggle }) => !toggle)
    .map(({ env }) => `--${env.toLowerCase().replaceAll("_", "-")}=${wrong}`);
  const { code, stdout, stderr } = await run({ args: flags });
  assert.equal(code, 1);
  assertNoSecret(stdout, stderr);
});

Deno.test("no password is printed: files of secrets that are missing, empty, wrong, or named by a URL", async () => {
  const env = amqp("");
  for (
    const [path, printed] of [
      [url(broker.port), /cannot read "amqp:.*no such file/],
      [file("wrong", url(broker.port, { scheme: "http" })), /a URL of http:/],
      [file("garbage", password), /that is not shown here/],
    ] as const
  ) {
    const { code, stdout, stderr } = await run({ env: { ...env, AMQP_CONNECTION_FILE: path } });
    assert.equal(code, 1);
    assert.match(stderr, printed);
    assertNoSecret(stdout, stderr);
  }
});

Deno.test("no password is printed: help, completions and wrong commands", async () => {
  const env = amqp(url(broker.port));
  for (
    const args of [["--help"], ["--version"], ["completions", "bash"], ["--nosuch"], [
      `--amqp-conection=${url(1)}`,
    ]]
  ) {
    const { stdout, stderr } = await run({ args, env });
    assert.ok(stdout + stderr);
    assertNoSecret(stdout, stderr);
  }
});

for (const by of ["variable", "file"] as const) {
  Deno.test(`no password is printed nor in the process's title in a life with outages, given by ${by}`, async () => {
    await using own = await brokerClient(broker.url);
    await own.queue("out");
    await own.channel.bindQueue("out", "amq.topic", "crash-loop");
    const env = { ...amqp(url(proxy.port), url(proxy.port)), LOG_LEVEL: "debug", RESTART_COUNT: "2" };
    await using program = new Program({ env: by === "variable" ? env : inFiles(env) });
    await program.logged("source amqp: consumes");
    if (Deno.build.os === "linux") {
      const title = await Deno.readTextFile(`/proc/${program.pid}/cmdline`);
      assert.match(title, /main\.ts/);
      assertNoSecret(title);
    }
    await own.put("in", restarts(2));
    await own.take("out", 1);
    await proxy.reset();
    for (const side of ["source", "sink"]) await program.logged(`${side} amqp: recovered`);
    await broker.ctl("change_password", "detector", "other");
    await broker.ctl("close_all_user_connections", "detector", "rotated");
    try {
      await waitFor(
        "both to be refused",
        () => program.stderr.match(/refused user and password/g)?.length === 2,
      );
    } finally {
      await broker.ctl("change_password", "detector", password);
    }
    await waitFor("both to be back", () => program.stderr.match(/recovered/g)?.length === 4, {
      timeoutMs: 20_000,
    });
    program.signal("SIGTERM");
    const { code, stdout, stderr } = await program.ended;
    assert.equal(code, 0);
    assertNoSecret(stdout, stderr);
  });
}
