// The sink `webhook`: its exact requests in every format, its settings, and what it says of receivers that take nothing.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";

import { alertJson } from "../../../src/detection/alert/json.ts";
import { messageOf } from "../../../src/detection/alert/message.ts";
import type { Fault } from "../../../src/lib/errors.ts";
import type { Sink, SinkContext } from "../../../src/sinks/sink.ts";
import { webhook } from "../../../src/sinks/webhook/webhook.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { type Answer, HttpReceiver } from "../../helpers/http_receiver.ts";
import { sinkContext } from "../../helpers/sink.ts";
import { startProxy } from "../../helpers/proxy.ts";
import { update } from "../../helpers/updates.ts";
import { within } from "../../helpers/wait_for.ts";

type Env = Readonly<Record<string, string>>;

/** What is wrong with these settings. */
function problemsOf(env: Env): string[] {
  const problems: string[] = [];
  webhook.prepare({ flags: {}, env, problems });
  return problems;
}

function open(env: Env, context: Partial<SinkContext> = {}): Sink {
  const problems: string[] = [];
  const prepared = webhook.prepare({ flags: {}, env, problems });
  assert.deepEqual(problems, []);
  return prepared!.open(sinkContext(context));
}

const secretPath = "/hooks/s3cr3t-path";

/** A receiver and a sink that sends there; `env` differs by this, without `SINK_WEBHOOK_`. */
function setUp(differs: Env = {}, context: Partial<SinkContext> = {}) {
  const parts = new AsyncDisposableStack();
  const receiver = parts.use(HttpReceiver.start());
  const base = `http://127.0.0.1:${receiver.port}`;
  const env = { URL: `${base}${secretPath}`, ...differs };
  const sink = parts.use(
    open(
      Object.fromEntries(Object.entries(env).map(([name, value]) => [`SINK_WEBHOOK_${name}`, value])),
      context,
    ),
  );
  return { receiver, base, sink, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const cluster = "prod-eu";
const named: Partial<SinkContext> = {
  cluster,
  message: (alert) => messageOf(alert, { cluster, page: new URL("https://loops.example.com") }),
};

Deno.test("send() posts the alert's JSON with its id, which stays the same over retries", async () => {
  await using given = setUp();
  const alert = alertAbout();
  let attempts = 0;
  given.receiver.answering = () => ({ status: attempts++ === 0 ? 503 : 202 });
  await assert.rejects(given.sink.send(alert));
  await given.sink.send(alert);
  const [{ method, path, headers, body } = assert.fail("nothing came")] = given.receiver.received;
  assert.deepEqual([method, path, body], ["POST", secretPath, alertJson(alert)]);
  for (
    const [name, value] of [
      ["content-type", "application/json"],
      ["idempotency-key", alert.id],
      ["webhook-id", alert.id],
      ["webhook-signature", null],
      ["authorization", null],
    ] as const
  ) assert.equal(headers.get(name), value, name);
  assert.deepEqual(given.receiver.paths, [`POST ${secretPath}`, `POST ${secretPath}`]);
});

Deno.test("send() has the method, the headers and the login that the settings name", async () => {
  for (
    const [login, expected] of [
      [{ BEARER_TOKEN: "t0ken" }, "Bearer t0ken"],
      [{ BASIC_AUTH: "user:p:ss" }, `Basic ${btoa("user:p:ss")}`],
      [
        {
          HEADERS: "X-Api-Key: 3f9c\nauthorization: GenieKey k\n\nContent-Type: application/x.loop+json\r\n",
        },
        "GenieKey k",
      ],
    ] as const
  ) {
    await using given = setUp({ METHOD: "PUT", ...login });
    await given.sink.send(alertAbout());
    const [{ method, headers } = assert.fail("nothing came")] = given.receiver.received;
    assert.equal(method, "PUT");
    assert.equal(headers.get("authorization"), expected);
    if ("HEADERS" in login) {
      assert.equal(headers.get("x-api-key"), "3f9c");
      assert.equal(headers.get("content-type"), "application/x.loop+json");
    }
  }
});

Deno.test("send() signs as Standard Webhooks says, with each of several secrets", async () => {
  const keys = [new Uint8Array(24).fill(7), new Uint8Array(64).fill(9)];
  const secrets = keys.map((key) => `whsec_${key.toBase64()}`);
  await using given = setUp({ SECRET: secrets.join(" ") });
  const alert = alertAbout("caf\u00e9.web[0]");
  await given.sink.send(alert);
  const [{ headers, body } = assert.fail("nothing came")] = given.receiver.received;
  const timestamp = headers.get("webhook-timestamp")!;
  assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60, timestamp);
  assert.equal(
    headers.get("webhook-signature"),
    keys.map((key) =>
      `v1,${createHmac("sha256", key).update(`${alert.id}.${timestamp}.${body}`).digest("base64")}`
    ).join(" "),
  );
});

Deno.test("the signature is that of the example of Standard Webhooks", async () => {
  const { signatureHeaders } = await import("../../../src/sinks/webhook/signature.ts");
  const key = atob("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  assert.deepEqual(
    signatureHeaders(
      [Buffer.from(key, "latin1")],
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      1614265330,
      '{"test": 2432232314}',
    ),
    {
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
  );
});

Deno.test("send() puts the ids of the alert into the URL, and sends ends to the URL for these", async () => {
  await using receiver = HttpReceiver.start();
  const base = `http://127.0.0.1:${receiver.port}`;
  await using sink = open({
    SINK_WEBHOOK_URL: `${base}/open?alias={loop}`,
    SINK_WEBHOOK_URL_RESOLVED: `${base}/{loop}/close/{id}`,
  });
  await sink.send(alertAbout("j.g[0]", { id: "1", loop: "f00" }));
  await sink.send(alertAbout("j.g[0]", { id: "2", loop: "f00", reason: "gave-up" }));
  await sink.send(alertAbout("j.g[0]", { id: "3", loop: "f00", reason: "resolved" }));
  assert.deepEqual(receiver.paths, ["POST /open?alias=f00", "POST /open?alias=f00", "POST /f00/close/3"]);
});

Deno.test("the format cloudevents is a structured event, whose data is the alert's exact JSON", async () => {
  await using given = setUp({ FORMAT: "cloudevents" }, named);
  const alert = alertAbout("a/b.c[0]", {
    lastEvent: update({ time: 1_499_867_775_401_013_209n }),
    eventLog: [1_499_867_775_401_013_209n],
  });
  await given.sink.send(alert);
  const [{ headers, body } = assert.fail("nothing came")] = given.receiver.received;
  assert.equal(headers.get("content-type"), "application/cloudevents+json");
  assert.ok(body.endsWith(`,"data":${alertJson(alert)}}`), body);
  const { time, data: _, ...attributes } = JSON.parse(body);
  assert.match(time, /^2017-07-12T\d\d:\d\d:15\.401013209/);
  assert.deepEqual(attributes, {
    specversion: "1.0",
    id: alert.id,
    source: "/nomad-crashloop-detector/prod-eu",
    type: "nomad.crash-loop.active",
    subject: "a/b.c[0]",
    datacontenttype: "application/json",
  });
});

// groupKey and fingerprint are those that Alertmanager 0.25 sends for an alert with these labels.
Deno.test("the format alertmanager is what Alertmanager sends, with what changes in annotations", async () => {
  await using given = setUp({ FORMAT: "alertmanager" }, named);
  const lastEvent = update({ name: "job.group[2]", time: 1_499_867_775_401_013_209n });
  const eventLog = [1_499_867_775_401_013_209n, 1_499_867_776_000_000_000n];
  for (const reason of ["first", "repeat", "gave-up", "resolved"] as const) {
    await given.sink.send(alertAbout("job.group[2]", { reason, lastEvent, eventLog, loop: "f00" }));
  }
  const bodies = given.receiver.received.map(({ body }) => JSON.parse(body));
  assert.deepEqual(bodies.map(({ status }) => status), ["firing", "firing", "firing", "resolved"]);
  assert.equal(new Set(bodies.map(({ groupKey }) => groupKey)).size, 1);
  assert.ok(Date.now() - Date.parse(bodies[3].alerts[0].endsAt) < 60_000);
  const labels = {
    alertname: "NomadCrashLoop",
    cluster,
    group: "group",
    index: "2",
    job: "job",
    name: "job.group[2]",
    severity: "warning",
  };
  const [first] = bodies;
  const { commonAnnotations } = first;
  assert.match(commonAnnotations.summary, /^\[prod-eu\] job\.group\[2\] is crash-looping: 2 restarts since /);
  assert.match(commonAnnotations.description, /^Restart within policy$/);
  assert.deepEqual(Object.keys(commonAnnotations), [
    "summary",
    "description",
    "state",
    "count",
    "loop",
    "task",
    "node",
    "allocation",
  ]);
  const [{ startsAt, ...alert }] = first.alerts;
  assert.match(startsAt, /^2017-07-12T\d\d:\d\d:15\.401013209/);
  assert.deepEqual({ ...first, alerts: [alert] }, {
    version: "4",
    groupKey: '{}:{alertname="NomadCrashLoop", cluster="prod-eu", group="group", index="2", job="job", ' +
      'name="job.group[2]", severity="warning"}',
    truncatedAlerts: 0,
    status: "firing",
    receiver: "nomad-crashloop-detector",
    groupLabels: labels,
    commonLabels: labels,
    commonAnnotations,
    externalURL: "https://loops.example.com",
    alerts: [{
      status: "firing",
      labels,
      annotations: commonAnnotations,
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "https://loops.example.com/allocation/f00",
      fingerprint: "81d72b311e99f622",
    }],
  });
});

Deno.test("the formats of receivers that keep a loop open need its end", () => {
  const needs = (env: Env) =>
    webhook.prepare({ flags: {}, env: { SINK_WEBHOOK_URL: "http://localhost/", ...env }, problems: [] })!
      .needsEnds;
  assert.equal(needs({}), false);
  assert.equal(needs({ SINK_WEBHOOK_FORMAT: "cloudevents" }), false);
  assert.equal(needs({ SINK_WEBHOOK_FORMAT: "alertmanager" }), true);
  assert.equal(needs({ SINK_WEBHOOK_FORMAT: "template", SINK_WEBHOOK_TEMPLATE_FILE: "x" }), true);
  assert.equal(needs({ SINK_WEBHOOK_URL_RESOLVED: "http://localhost/ends" }), true);
});

/** What an answer that is no success means: its text begins with the address. */
const answers:
  readonly (readonly [answer: Answer, recovery: string, message: string, retryAfter?: number])[] = [
    [{ status: 400, body: "text too\n long" }, "rejected", " answered 400: text too long"],
    [{ status: 401 }, "operator", " answered 401"],
    [{ status: 404, body: `no ${secretPath} here` }, "operator", " answered 404: no *** here"],
    [{ status: 413 }, "rejected", " answered 413"],
    [{ status: 429, headers: { "retry-after": "30" } }, "transient", " answered 429", 30_000],
    [{ status: 500, body: "oh" }, "transient", " answered 500: oh"],
    [{ status: 503, headers: { "retry-after": "1.5" } }, "transient", " answered 503", 1_500],
    [
      { status: 307, headers: { location: "/elsewhere" } },
      "operator",
      " answered 307: redirects are not followed; set the address to their target",
    ],
  ];

Deno.test("send() says what a receiver answered, without the secret of its address", async () => {
  await using given = setUp({ BEARER_TOKEN: "hunter2" });
  for (const [answer, recovery, message, retryAfter = 0] of answers) {
    given.receiver.answering = () => answer;
    await assert.rejects(given.sink.send(alertAbout()), (fault: Fault) => {
      assert.equal(fault.message, `${given.base}/…${message}`);
      assert.deepEqual([fault.recovery, fault.retryAfter], [recovery, retryAfter]);
      return true;
    });
  }
  assert.equal(given.receiver.paths.length, answers.length, "a redirect was followed");
});

Deno.test("send() says that connection lost, and works on a new one", async () => {
  await using receiver = HttpReceiver.start();
  await using proxy = await startProxy(receiver.port);
  await using sink = open({ SINK_WEBHOOK_URL: `http://127.0.0.1:${proxy.port}${secretPath}` });
  await sink.send(alertAbout());
  const arrived = Promise.withResolvers<void>();
  receiver.answering = async () => {
    arrived.resolve();
    await proxy.cut();
    return {};
  };
  await assert.rejects(sink.send(alertAbout()), {
    message: `http://127.0.0.1:${proxy.port}/…: connection lost`,
    recovery: "transient",
  });
  await arrived.promise;
  receiver.answering = () => ({});
  await sink.send(alertAbout());
});

Deno.test("disposal ends at once what a receiver keeps waiting", async () => {
  await using receiver = HttpReceiver.start();
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Answer>();
  receiver.answering = () => {
    arrived.resolve();
    return answer.promise;
  };
  const sink = open({ SINK_WEBHOOK_URL: `http://127.0.0.1:${receiver.port}/` });
  const sent = assert.rejects(sink.send(alertAbout()), { name: "Fault", message: "closed" });
  await within("the request", arrived.promise);
  await within("the disposal", Promise.resolve(sink[Symbol.asyncDispose]()));
  await within("the send", sent);
  answer.resolve({});
});

Deno.test("connect() goes on with what is in flight", async () => {
  await using given = setUp();
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Answer>();
  given.receiver.answering = () => {
    arrived.resolve();
    return answer.promise;
  };
  const sent = given.sink.send(alertAbout());
  await within("the request", arrived.promise);
  await given.sink.connect();
  answer.resolve({});
  await within("the send", sent);
});

Deno.test("check() asks the server for its root alone, and says that this proves no more", async () => {
  await using given = setUp();
  assert.equal(
    await given.sink.check(),
    `${given.base}/…: the server answers; whether it takes alerts cannot be tried without sending one`,
  );
  assert.deepEqual(given.receiver.paths, ["HEAD /"]);
});

Deno.test("check() says what is wrong with the server", async () => {
  await using given = setUp();
  await given.receiver[Symbol.asyncDispose]();
  await assert.rejects(given.sink.check(), { message: `${given.base}/…: connection refused` });
});

Deno.test("connect() says which file of TLS is wrong, so that the start ends", async () => {
  await using sink = open({
    SINK_WEBHOOK_URL: "https://localhost/",
    SINK_WEBHOOK_TLS_CA_FILE: "/nowhere/ca.pem",
  });
  await assert.rejects(sink.connect(), {
    message:
      'SINK_WEBHOOK_TLS_CA_FILE (--sink-webhook-tls-ca-file): cannot read "/nowhere/ca.pem": there is no ' +
      "such file; set it to a PEM file of certificates",
    recovery: "config",
  });
});

const url = { SINK_WEBHOOK_URL: "https://user:hunter2@example.com/hunter2" };
const wrongSecret =
  "SINK_WEBHOOK_SECRET (--sink-webhook-secret): found a value that is not shown here; expected " +
  "whsec_ and the base64 of 24 to 64 bytes, or several of these separated by spaces, such as " +
  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const wrongHeaders = (problem: string) =>
  `SINK_WEBHOOK_HEADERS (--sink-webhook-headers): found a value that is not shown here, whose line ${problem}; ` +
  "expected lines like Name: value, such as X-Api-Key: 3f9c…";

const mistakes: readonly (readonly [env: Env, problem: string])[] = [
  [
    {},
    "Missing SINK_WEBHOOK_URL (--sink-webhook-url): URL that alerts are sent to; {loop} and {id} in it stand for " +
    "those of the alert, such as https://example.com/hooks/3f9c…",
  ],
  [
    { SINK_WEBHOOK_URL: "ftp://hunter2" },
    "SINK_WEBHOOK_URL (--sink-webhook-url): found a value that is not shown " +
    "here, a URL of ftp:; expected a URL that begins with http:// or https://, such as https://example.com/hooks/3f9c…",
  ],
  [
    { ...url, SINK_WEBHOOK_FORMAT: "xml" },
    'SINK_WEBHOOK_FORMAT (--sink-webhook-format): found "xml"; expected json, ' +
    "alertmanager, cloudevents or template, such as alertmanager",
  ],
  [
    { ...url, SINK_WEBHOOK_METHOD: "get" },
    'SINK_WEBHOOK_METHOD (--sink-webhook-method): found "get"; expected post, ' +
    "put or patch, such as put",
  ],
  [
    { ...url, SINK_WEBHOOK_FORMAT: "template" },
    "Missing SINK_WEBHOOK_TEMPLATE_FILE (--sink-webhook-template-file): " +
    "file of a Liquid template, for the format template, such as /etc/nomad-crashloop-detector/discord.json.liquid",
  ],
  [
    { ...url, SINK_WEBHOOK_TEMPLATE_FILE: "x" },
    "SINK_WEBHOOK_TEMPLATE_FILE (--sink-webhook-template-file): found with " +
    "the format json; set SINK_WEBHOOK_FORMAT (--sink-webhook-format) to template",
  ],
  [{ ...url, SINK_WEBHOOK_SECRET: "hunter2" }, wrongSecret],
  [{ ...url, SINK_WEBHOOK_SECRET: `whsec_${btoa("x".repeat(23))}` }, wrongSecret],
  [{ ...url, SINK_WEBHOOK_HEADERS: "A: b\nhunter2" }, wrongHeaders("2 is no header")],
  [{ ...url, SINK_WEBHOOK_HEADERS: "A: \u{1f600}" }, wrongHeaders("1 is no header")],
  [
    { ...url, SINK_WEBHOOK_HEADERS: "Webhook-Id: 1" },
    wrongHeaders("1 names webhook-id, which is set by itself"),
  ],
  [
    { ...url, SINK_WEBHOOK_HEADERS: "Authorization: x", SINK_WEBHOOK_BEARER_TOKEN: "hunter2" },
    "SINK_WEBHOOK_HEADERS (--sink-webhook-headers) and SINK_WEBHOOK_BEARER_TOKEN (--sink-webhook-bearer-token): found " +
    "the header Authorization in both; give one of them",
  ],
  [
    { ...url, SINK_WEBHOOK_BASIC_AUTH: "a:b", SINK_WEBHOOK_BEARER_TOKEN: "hunter2" },
    "SINK_WEBHOOK_BEARER_TOKEN (--sink-webhook-bearer-token) and SINK_WEBHOOK_BASIC_AUTH (--sink-webhook-basic-auth): " +
    "found both; give one of them",
  ],
  [
    { ...url, SINK_WEBHOOK_BASIC_AUTH: "hunter2" },
    "SINK_WEBHOOK_BASIC_AUTH (--sink-webhook-basic-auth): found a value " +
    "that is not shown here; expected user:password, such as detector:secret",
  ],
  [
    { SINK_WEBHOOK_URL: "http://example.com/hunter2", SINK_WEBHOOK_TLS_CA_FILE: "/ca.pem" },
    "SINK_WEBHOOK_TLS_CA_FILE (--sink-webhook-tls-ca-file): found for http://example.com/, which is without TLS; let " +
    "the URL begin with https://",
  ],
];

Deno.test("prepare() says what is wrong with settings, and no secret", () => {
  for (const [env, problem] of mistakes) assert.deepEqual(problemsOf(env), [problem]);
});

Deno.test("a webhook with a name has settings of its own", () => {
  const audit = webhook.named("audit");
  const problems: string[] = [];
  const env = { SINK_WEBHOOK_AUDIT_URL: "http://localhost/", SINK_WEBHOOK_AUDIT_TEMPLATE_FILE: "x" };
  audit.prepare({ flags: {}, env, problems });
  assert.deepEqual(problems, [
    "SINK_WEBHOOK_AUDIT_TEMPLATE_FILE (--sink-webhook-audit-template-file): found with the format json; set " +
    "SINK_WEBHOOK_AUDIT_FORMAT (--sink-webhook-audit-format) to template",
  ]);
});
