// The sink `sns` at an SNS server whose topics lead to queues. What it must do as any sink does is in contracts/.
import assert from "node:assert/strict";
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { sns } from "../../src/sinks/sns.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { awsEnv, setAwsEnv } from "../helpers/aws.ts";
import type { NpmServer } from "../helpers/npm_server.ts";
import { sinkContext } from "../helpers/sink.ts";
import { type SqsHand, sqsHand, startSqs } from "../helpers/sqs.ts";

let server: NpmServer;
let own: SqsHand;
Deno.test.beforeAll(async () => {
  server = await startSqs();
  own = sqsHand(server.url);
});
Deno.test.afterAll(async () => {
  own[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

function open(arn: string): Sink {
  return sns.prepare({ flags: {}, env: { SINK_SNS_TOPIC_ARN: arn }, problems: [] })!.open(sinkContext());
}

const arnOf = (topic: string) => `arn:aws:sns:eu-north-1:000000000000:${topic}`;

Deno.test("send() publishes the alert's JSON with its id; to a FIFO topic the loop is the group", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  for (const name of ["plain", "ordered.fifo"]) {
    const { arn, queue } = await own.createTopic(name);
    assert.equal(arn, arnOf(name));
    await using sink = open(arn);
    const alert = alertAbout();
    await sink.send(alert);
    const [message, ...more] = await own.take(queue);
    assert.deepEqual([message?.body, message?.id, more.length], [alertJson(alert), alert.id, 0]);
    if (name.endsWith(".fifo")) {
      assert.deepEqual([message?.group, message?.deduplicationId], [alert.loop, alert.id]);
    }
    assert.equal(
      await sink.check(),
      `topic "${name}": reachable; only the first alert shows whether it may be published there`,
    );
  }
});

Deno.test("connect() and send() say that the topic is missing; created later, it takes alerts", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open(arnOf("later"));
  const missing = {
    name: "Fault",
    message: 'topic "later" does not exist; create it, or correct its ARN',
    recovery: "operator",
  };
  await assert.rejects(sink.connect(), missing);
  await assert.rejects(sink.send(alertAbout()), missing);
  const { queue } = await own.createTopic("later");
  await sink.send(alertAbout());
  assert.equal((await own.take(queue)).length, 1);
});

Deno.test("send() rejects an alert that no message can hold", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  const { arn } = await own.createTopic("large");
  await using sink = open(arn);
  const large = alertAbout("large[0]", {
    lastEvent: `{"Name":"large[0]","Filling":"${"x".repeat(256 << 10)}"}`,
  });
  const bytes = new TextEncoder().encode(alertJson(large)).length;
  await assert.rejects(sink.send(large), {
    message: `topic "large" takes at most 262144 bytes; the alert has ${bytes}`,
    recovery: "rejected",
  });
});

Deno.test("a subject is ASCII of at most 100 characters, and a denied look at the topic is no fault", async () => {
  const subjects: string[] = [];
  const xml = (text: string, status = 200) =>
    new Response(text, { status, headers: { "content-type": "text/xml" } });
  await using fake = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const form = new URLSearchParams(await request.text());
    if (form.get("Action") === "GetTopicAttributes") {
      const error = "<Error><Code>AuthorizationError</Code><Message>not allowed to look</Message></Error>";
      return xml(`<ErrorResponse>${error}</ErrorResponse>`, 403);
    }
    const entry = "PublishBatchRequestEntries.member.1";
    subjects.push(form.get(`${entry}.Subject`)!);
    const sent = `<member><Id>${form.get(`${entry}.Id`)}</Id><MessageId>m</MessageId></member>`;
    const result = `<PublishBatchResult><Successful>${sent}</Successful></PublishBatchResult>`;
    return xml(`<PublishBatchResponse>${result}</PublishBatchResponse>`);
  });
  using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${fake.addr.port}`));
  await using sink = open(arnOf("crash-loops"));
  await sink.connect();
  await sink.send(alertAbout(`café${"x".repeat(200)}[0]`));
  assert.deepEqual(subjects, [`caf?${"x".repeat(93)}...`]);
});

Deno.test("send() says that publishing is not allowed", async () => {
  const error =
    "<Error><Code>AuthorizationError</Code><Message>not authorized to perform: SNS:Publish</Message></Error>";
  await using fake = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(`<ErrorResponse>${error}</ErrorResponse>`, {
        status: 403,
        headers: { "content-type": "text/xml" },
      }),
  );
  using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${fake.addr.port}`));
  await using sink = open(arnOf("crash-loops"));
  await assert.rejects(sink.send(alertAbout()), {
    message: 'topic "crash-loops": not authorized to perform: SNS:Publish; allow sns:Publish',
    recovery: "operator",
  });
});

Deno.test("prepare() refuses what is no ARN of a topic", () => {
  const problems: string[] = [];
  assert.equal(sns.prepare({ flags: {}, env: { SINK_SNS_TOPIC_ARN: "crash-loops" }, problems }), undefined);
  assert.deepEqual(problems, [
    'SINK_SNS_TOPIC_ARN (--sink-sns-topic-arn): found "crash-loops"; expected the ARN of a topic, such as ' +
    "arn:aws:sns:eu-west-1:123456789012:crash-loops",
  ]);
});
