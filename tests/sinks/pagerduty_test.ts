// The sink `pagerduty`: an alert of PagerDuty for each loop, what its answers mean, and its limits.
import assert from "node:assert/strict";
import { pagerduty } from "../../src/sinks/pagerduty.ts";
import type { Sink, SinkContext } from "../../src/sinks/sink.ts";
import { faultOf } from "../helpers/fault.ts";
import { groupAlert, groupId, loopAlert, namedContext } from "../helpers/loop.ts";
import { blindAlert } from "../helpers/notices.ts";
import { type PagerDutyStandIn, startPagerDuty } from "../helpers/pagerduty.ts";
import { waitFor, within } from "../helpers/wait_for.ts";

interface Given extends AsyncDisposable {
  readonly server: PagerDutyStandIn;
  readonly where: string;
  open(differs?: { key?: string; url?: string; context?: Partial<SinkContext> }): Sink;
}

/** PagerDuty, and sinks that know it. */
async function given(): Promise<Given> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startPagerDuty());
  const open = parts.move();
  return {
    server,
    where: `${server.url}/v2/enqueue`,
    open({ key = server.routingKey, url = server.url, context = {} } = {}) {
      const env = { SINK_PAGERDUTY_ROUTING_KEY: key, SINK_PAGERDUTY_URL: url };
      const prepared = pagerduty.prepare({ flags: {}, env, problems: [] })!;
      assert.equal(prepared.needsEnds, true);
      assert.deepEqual([prepared.audience, prepared.updates], ["people", true]);
      return open.use(prepared.open(namedContext(context)));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

const expected = "found a value that is not shown here; expected 32 letters and digits, such as " +
  "0123456789abcdef0123456789abcdef";
const wrongSettings: readonly (readonly [env: Readonly<Record<string, string>>, problem: string])[] = [
  [
    {},
    "Missing SINK_PAGERDUTY_ROUTING_KEY (--sink-pagerduty-routing-key): integration key of an integration Events API " +
    "V2, of a PagerDuty service or an event orchestration, such as 0123456789abcdef0123456789abcdef",
  ],
  [
    { SINK_PAGERDUTY_ROUTING_KEY: "u+anApiKeyIsNoRoutingKey" },
    `SINK_PAGERDUTY_ROUTING_KEY (--sink-pagerduty-routing-key): ${expected}`,
  ],
  [
    { SINK_PAGERDUTY_ROUTING_KEY: "0".repeat(32), SINK_PAGERDUTY_URL: "events.eu.pagerduty.com" },
    'SINK_PAGERDUTY_URL (--sink-pagerduty-url): found "events.eu.pagerduty.com", not a URL; expected a URL that begins ' +
    "with https:// or http://, such as https://events.eu.pagerduty.com",
  ],
];

Deno.test("prepare() says what is wrong with the settings", () => {
  for (const [env, problem] of wrongSettings) {
    const problems: string[] = [];
    assert.equal(pagerduty.prepare({ flags: {}, env, problems }), undefined);
    assert.deepEqual(problems, [problem]);
  }
});

Deno.test("send() triggers an alert with all that a person and a rule of PagerDuty need", async () => {
  await using pagerDuty = await given();
  const alert = loopAlert("first");
  await pagerDuty.open().send(alert);
  const { loop, lastEvent, details } = alert;
  assert.deepEqual(pagerDuty.server.bodies, [{
    routing_key: pagerDuty.server.routingKey,
    event_action: "trigger",
    dedup_key: loop,
    payload: {
      summary: "[prod-eu] web.app[0] is crash-looping: 5 failed runs since 03:42 UTC",
      source: "prod-eu",
      severity: "error",
      timestamp: "2026-11-24T03:43:08.454Z",
      component: "web/server",
      group: "shop/app",
      class: "crash-loop",
      custom_details: { Cluster: "prod-eu", ...details, LastEvent: JSON.parse(lastEvent) },
    },
    links: [
      { href: "https://nomad.example.com/ui/jobs/web%40shop", text: "Job in Nomad" },
      {
        href: "https://nomad.example.com/ui/allocations/a0458171-9a7f-3e5e-2262-4f63c1a59075",
        text: "Allocation in Nomad",
      },
      { href: `https://loops.example.com/allocation/${loop}`, text: "Loop" },
    ],
    client: "nomad-crashloop-detector",
    client_url: `https://loops.example.com/allocation/${loop}`,
  }]);
  // The update keeps its digits.
  assert.ok(pagerDuty.server.requests[0]!.body.includes('"Time":1795491788454824090'));
});

Deno.test("send() pages that the detector is blind, and resolves it when it sees again", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  await sink.send(blindAlert("first"));
  await sink.send(blindAlert("resolved"));
  const [trigger, resolve] = pagerDuty.server.requests.map(({ body }) => JSON.parse(body));
  const { summary, ...payload } = trigger.payload;
  assert.match(summary, /^\[prod-eu\] The detector has been blind since \d\d:\d\d /);
  assert.deepEqual(payload, {
    source: "prod-eu",
    severity: "critical",
    timestamp: "2026-11-24T03:42:54.562Z",
    class: "detector",
    custom_details: {
      Cluster: "prod-eu",
      kind: "source",
      component: "source nomad",
      since: blindAlert("first").notice!.since,
      problem: "http://nomad:4646 refused the token",
    },
  });
  assert.equal(trigger.client_url, "https://loops.example.com/");
  assert.deepEqual([resolve.event_action, resolve.dedup_key], ["resolve", trigger.dedup_key]);
});

Deno.test("send() names the node where the cluster has no name", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open({ context: { cluster: undefined } });
  await sink.send(loopAlert("first"));
  await sink.send(loopAlert("repeat", { Node: { ID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8" } }));
  await sink.send(loopAlert("repeat", { Node: { ID: "" } }));
  assert.deepEqual(pagerDuty.server.bodies.map(({ payload }) => payload.source), [
    "client-1",
    "ca601765-3a7d-9af1-54b2-ee5a37ccffd8",
    "web.app[0]",
  ]);
});

Deno.test("send() has one alert open for a loop over its repeats, and resolves it at the end", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  const { alerts } = pagerDuty.server;
  await sink.send(loopAlert("first"));
  await sink.send(loopAlert("repeat"));
  assert.deepEqual(alerts.map(({ open, payloads }) => [open, payloads.length]), [[true, 2]]);
  await sink.send(loopAlert("resolved"));
  assert.deepEqual(alerts.map(({ key, open }) => [key, open]), [["3a3aca75c675347004d6a7eb6827420a", false]]);
  assert.deepEqual(pagerDuty.server.bodies.at(-1), {
    routing_key: pagerDuty.server.routingKey,
    event_action: "resolve",
    dedup_key: "3a3aca75c675347004d6a7eb6827420a",
  });
});

Deno.test("send() leaves a loop open that Nomad gave up, critical by now", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  await sink.send(loopAlert("first"));
  await sink.send(loopAlert("gave-up"));
  const [alert] = pagerDuty.server.alerts;
  assert.deepEqual([alert!.open, alert!.payloads.map(({ severity }) => severity)], [true, [
    "error",
    "critical",
  ]]);
});

const setKey =
  "; set SINK_PAGERDUTY_ROUTING_KEY to the integration key of an integration Events API V2, and " +
  "SINK_PAGERDUTY_URL to where its account is";
const wrongKey =
  `answered 400: {"status":"invalid key","message":"Event object is invalid","errors":["Invalid ` +
  `routing key"]}${setKey}`;

Deno.test("connect() finds a routing key that PagerDuty does not know, which no retry mends, and opens nothing", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open({ key: "0".repeat(32) });
  const fault = { message: `${pagerDuty.where} ${wrongKey}`, recovery: "config", retryAfter: 0 };
  assert.deepEqual(await faultOf(sink.connect()), fault);
  assert.deepEqual(await faultOf(sink.check()), fault);
  assert.deepEqual(pagerDuty.server.bodies[0], {
    routing_key: "0".repeat(32),
    event_action: "resolve",
    dedup_key: "nomad-crashloop-detector/check",
  });
  assert.deepEqual(pagerDuty.server.alerts, []);
});

Deno.test("connect() tries the routing key until it works, and not again", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  pagerDuty.server.faults.push({ status: 500 });
  assert.equal((await faultOf(sink.connect())).recovery, "transient");
  await sink.connect();
  await sink.connect();
  assert.equal(pagerDuty.server.requests.length, 2);
  assert.equal(await sink.check(), `${pagerDuty.where}: takes events with the routing key`);
  assert.equal(pagerDuty.server.requests.length, 3);
});

Deno.test("send() drops what PagerDuty refuses with 400, and says why", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  const refused =
    '{"status":"invalid event","message":"Event object is invalid","errors":["\'payload.source\' is missing"]}';
  pagerDuty.server.faults.push({ status: 400, body: refused });
  assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
    message: `${pagerDuty.where} answered 400: ${refused}`,
    recovery: "rejected",
    retryAfter: 0,
  });
  assert.deepEqual(await faultOf(pagerDuty.open({ key: "0".repeat(32) }).send(loopAlert("first"))), {
    message: `${pagerDuty.where} ${wrongKey}`,
    recovery: "rejected",
    retryAfter: 0,
  });
});

Deno.test("send() retries what passes: a minute or longer after 429, and as PagerDuty wishes", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  const answers = [
    [{ status: 429 }, "answered 429", "transient", 60_000],
    [{ status: 429, headers: { "retry-after": "5" } }, "answered 429", "transient", 60_000],
    [{ status: 429, headers: { "retry-after": "300" } }, "answered 429", "transient", 300_000],
    [{ status: 502, body: "Bad Gateway" }, "answered 502: Bad Gateway", "transient", 0],
    [
      { status: 200, body: "<html>proxy" },
      "answered 200: <html>proxy, and not 202 as PagerDuty does; check SINK_PAGERDUTY_URL and any proxies",
      "operator",
      0,
    ],
    [
      { status: 301, headers: { location: "https://events.eu.pagerduty.com/v2/enqueue" } },
      "answered 301: redirects are not followed; set the address to their target",
      "operator",
      0,
    ],
  ] as const;
  for (const [answer, message, recovery, retryAfter] of answers) {
    pagerDuty.server.faults.push(answer);
    assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
      message: `${pagerDuty.where} ${message}`,
      recovery,
      retryAfter,
    });
  }
  assert.deepEqual(pagerDuty.server.alerts, []);
});

Deno.test("send() says nothing of the routing key, even where PagerDuty does", async () => {
  await using pagerDuty = await given();
  const { routingKey } = pagerDuty.server;
  pagerDuty.server.faults.push({ status: 400, body: `no such key: ${routingKey}` });
  const { message } = await faultOf(pagerDuty.open().send(loopAlert("first")));
  assert.equal(message, `${pagerDuty.where} answered 400: no such key: ***`);
});

Deno.test("send() cuts the summary to 1,024 characters, and an event that is too large", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  const alert = loopAlert("first");
  const text = "\u00e9".repeat(300_000);
  const event = { Time: "2026-11-24T03:43:08.454Z", Type: "Driver Failure", DisplayMessage: text };
  await sink.send({ ...alert, lastEvent: JSON.stringify({ Name: "web.app[0]", DriverError: text }) });
  await sink.send({
    ...alert,
    name: `web.${text}[0]`,
    details: { ...alert.details!, Reason: text, Events: [event] },
  });
  const [first, second] = pagerDuty.server.bodies.map(({ payload }) => payload);
  assert.deepEqual(first.custom_details, { Cluster: "prod-eu", ...alert.details });
  assert.equal(second.summary.length, 1024);
  assert.equal(second.custom_details.Reason, `${"\u00e9".repeat(1999)}…`);
  assert.equal(second.custom_details.Events[0].DisplayMessage, `${"\u00e9".repeat(1999)}…`);
  assert.equal(pagerDuty.server.alerts.length, 1);
});

Deno.test("the address may have the path of events already, or another one before it", async () => {
  await using pagerDuty = await given();
  await pagerDuty.open({ url: `${pagerDuty.server.url}/v2/enqueue/` }).send(loopAlert("first"));
  assert.equal(
    (await faultOf(pagerDuty.open({ url: `${pagerDuty.server.url}/proxy` }).send(loopAlert("first"))))
      .message,
    `${pagerDuty.server.url}/proxy/v2/enqueue answered 404: Not Found`,
  );
  assert.deepEqual(pagerDuty.server.requests.map(({ path }) => path), ["/v2/enqueue", "/proxy/v2/enqueue"]);
});

Deno.test("disposing ends a send whose answer does not come", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  pagerDuty.server.faults.push("silence");
  const sending = faultOf(sink.send(loopAlert("first")));
  await waitFor("the request", () => pagerDuty.server.requests.length === 1);
  await sink[Symbol.asyncDispose]();
  assert.equal((await within("the send", sending)).message, "closed");
});

Deno.test("send() has one alert open for a group over its updates, and resolves it at the end", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open();
  for (const reason of ["first", "update", "repeat", "gave-up"] as const) {
    await sink.send(groupAlert("job", reason));
  }
  const [alert, ...others] = pagerDuty.server.alerts;
  assert.deepEqual([alert!.key, alert!.open, alert!.payloads.length, others], [groupId, true, 4, []]);
  await sink.send(groupAlert("job", "resolved"));
  assert.deepEqual([alert!.open, pagerDuty.server.alerts.length], [false, 1]);
});

Deno.test("send() of the end of a group that never began opens nothing", async () => {
  await using pagerDuty = await given();
  await pagerDuty.open().send(groupAlert("storm", "resolved"));
  assert.equal(pagerDuty.server.bodies.at(-1)!.event_action, "resolve");
  assert.deepEqual(pagerDuty.server.alerts, []);
});

Deno.test("send() names the job of a group, or its node, or neither, and has the group in the details", async () => {
  await using pagerDuty = await given();
  const sink = pagerDuty.open({ context: { cluster: undefined } });
  const alerts = (["job", "node", "storm"] as const).map((cause) => groupAlert(cause, "first"));
  for (const alert of alerts) await sink.send(alert);
  const [job, node, storm] = pagerDuty.server.bodies.map(({ payload }) => payload);
  const places = [job, node, storm].map(({ source, component, group }) => [source, component, group]);
  assert.deepEqual(places, [
    ["client-1", "web/server", "shop/app"],
    ["client-1", "client-1", undefined],
    ["storm #96a0c0ff", undefined, undefined],
  ]);
  const { group, details, lastEvent } = alerts[0]!;
  const Reason = "14 exited with 1, 6 ran out of memory";
  assert.deepEqual(job.custom_details, {
    ...details,
    Reason,
    Group: group,
    LastEvent: JSON.parse(lastEvent),
  });
  assert.deepEqual(storm.custom_details, {
    Reason: "334 exited with 1, 166 ran out of memory",
    Group: alerts[2]!.group,
  });
  const links = pagerDuty.server.bodies.map(({ client_url }) => client_url);
  assert.deepEqual(links, [
    "https://loops.example.com/?q=shop%2Fweb.app",
    "https://loops.example.com/?q=client-1",
    "https://loops.example.com/",
  ]);
});

Deno.test("send() cuts a group whose 50 names are too long", async () => {
  await using pagerDuty = await given();
  const alert = groupAlert("storm", "first");
  const long = "\u00e9".repeat(5000);
  const members = alert.group!.members.map((member) => ({ ...member, name: long, node: long, reason: long }));
  await pagerDuty.open().send({ ...alert, group: { ...alert.group!, members } });
  const { Group } = pagerDuty.server.bodies[0]!.payload.custom_details;
  assert.equal(Group.members.length, 50);
  assert.equal(Group.members[0].name, `${"\u00e9".repeat(199)}…`);
});
