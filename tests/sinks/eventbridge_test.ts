// The sink `eventbridge` at a stand-in. What it must do as any sink does is in contracts/.
import assert from "node:assert/strict";
import { alertJson } from "../../src/detection/alert/json.ts";
import { eventbridge } from "../../src/sinks/eventbridge.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { awsEnv, setAwsEnv } from "../helpers/aws.ts";
import { startEventBridge } from "../helpers/eventbridge.ts";
import { sinkContext } from "../helpers/sink.ts";

function open(more: Record<string, string> = {}): Sink {
  const env = { SINK_EVENT_BUS_NAME: "crash-loops", ...more };
  return eventbridge.prepare({ flags: {}, env, problems: [] })!.open(sinkContext());
}

Deno.test("send() puts the alert's JSON as the event's detail, with source and detail-type by default and as set", async () => {
  await using bus = startEventBridge("crash-loops");
  using _ = setAwsEnv(awsEnv(bus.url));
  const alert = alertAbout();
  await using byDefault = open();
  await byDefault.send(alert);
  await using own = open({ SINK_EVENT_BUS_SOURCE: "nomad.prod", SINK_EVENT_BUS_DETAIL_TYPE: "loop" });
  await own.send(alert);
  const event = { EventBusName: "crash-loops", Detail: alertJson(alert), Resources: [alert.id] };
  const taken = bus.events.map(({ EventBusName, Detail, Resources, Source, DetailType }) => [
    { EventBusName, Detail, Resources },
    Source,
    DetailType,
  ]);
  assert.deepEqual(taken, [
    [event, "nomad-crashloop-detector", "crash-loop"],
    [event, "nomad.prod", "loop"],
  ]);
  assert.equal(
    await own.check(),
    'event bus "crash-loops": reachable; only the first alert shows whether events may be put there',
  );
});

Deno.test("send() puts ten events into a request, and fails only those that the bus failed", async () => {
  await using bus = startEventBridge("crash-loops");
  using _ = setAwsEnv(awsEnv(bus.url));
  await using sink = open();
  const alerts = Array.from({ length: 25 }, (_, index) => alertAbout(`j.g[${index}]`));
  bus.fault = ({ Detail }) =>
    Detail.includes("j.g[3]")
      ? "ThrottlingException"
      : Detail.includes("j.g[4]")
      ? "MalformedDetail"
      : undefined;
  const results = await Promise.allSettled(alerts.map((alert) => sink.send(alert)));
  assert.deepEqual(bus.requests.toSorted(), [10, 10, 5]);
  const failed = results.flatMap((result, index) =>
    result.status === "rejected" ? [[index, result.reason.message, result.reason.recovery]] : []
  );
  assert.deepEqual(failed, [
    [3, 'event bus "crash-loops": ThrottlingException: as the test says', "transient"],
    [4, 'event bus "crash-loops": MalformedDetail: as the test says', "rejected"],
  ]);
  assert.equal(bus.events.length, 23);
});

Deno.test("send() keeps requests below AWS's 256 KB, and rejects an alert that is larger", async () => {
  await using bus = startEventBridge("crash-loops");
  using _ = setAwsEnv(awsEnv(bus.url));
  await using sink = open();
  const filled = (name: string, bytes: number) =>
    alertAbout(name, { lastEvent: `{"Name":"${name}","Filling":"${"x".repeat(bytes)}"}` });
  await Promise.all(["a", "b", "c"].map((name) => sink.send(filled(name, 100_000))));
  assert.deepEqual(bus.requests.toSorted(), [1, 2]);
  const large = filled("large", 256 << 10);
  const texts = [alertJson(large), "nomad-crashloop-detector", "crash-loop", large.id];
  const bytes = 14 + new TextEncoder().encode(texts.join("")).length;
  await assert.rejects(sink.send(large), {
    message: `event bus "crash-loops" takes at most 262144 bytes; the alert has ${bytes}`,
    recovery: "rejected",
  });
});

Deno.test("connect() says that the bus is missing, and takes credentials that may only put events", async () => {
  await using bus = startEventBridge("other");
  using _ = setAwsEnv(awsEnv(bus.url));
  await using sink = open();
  await assert.rejects(sink.connect(), {
    message: 'event bus "crash-loops" does not exist; create it',
    recovery: "operator",
  });
  bus.refusal = "AccessDeniedException";
  await sink.connect();
  await assert.rejects(sink.send(alertAbout()), {
    message: 'event bus "crash-loops": not authorized; allow events:PutEvents',
    recovery: "operator",
  });
});

Deno.test("prepare() refuses what EventBridge does not take", () => {
  const refused = [
    [
      { SINK_EVENT_BUS_NAME: "crash loops" },
      'SINK_EVENT_BUS_NAME (--sink-event-bus-name): found "crash loops"; expected the name of a bus, or its ARN, ' +
      "such as default",
    ],
    [
      { SINK_EVENT_BUS_SOURCE: "aws.nomad" },
      'SINK_EVENT_BUS_SOURCE (--sink-event-bus-source): found "aws.nomad"; expected 1 to 256 characters that do ' +
      "not begin with aws., such as nomad-crashloop-detector",
    ],
    [
      { SINK_EVENT_BUS_DETAIL_TYPE: "x".repeat(129) },
      `SINK_EVENT_BUS_DETAIL_TYPE (--sink-event-bus-detail-type): found "${
        "x".repeat(129)
      }"; expected 1 to 128 ` +
      "characters, such as crash-loop",
    ],
  ] as const;
  for (const [env, problem] of refused) {
    const problems: string[] = [];
    const given = { SINK_EVENT_BUS_NAME: "crash-loops", ...env };
    assert.equal(eventbridge.prepare({ flags: {}, env: given, problems }), undefined);
    assert.deepEqual(problems, [problem]);
  }
});
