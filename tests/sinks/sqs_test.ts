// The sink `sqs` at an SQS server. What it must do as any sink does is in contracts/.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { sqs } from "../../src/sinks/sqs.ts";
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

function open(queue: string): Sink {
  return sqs.prepare({ flags: {}, env: { SINK_SQS_QUEUE_NAME: queue }, problems: [] })!.open(sinkContext());
}

Deno.test("send() sends the alert's JSON with its id; to a FIFO queue the loop is the group", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  for (const name of ["plain", "ordered.fifo"]) {
    const queue = await own.createQueue(name);
    await using sink = open(name);
    const alert = alertAbout();
    await sink.send(alert);
    const isFifo = name.endsWith(".fifo");
    assert.deepEqual(await own.take(queue), [{
      body: alertJson(alert),
      id: alert.id,
      group: isFifo ? alert.loop : undefined,
      deduplicationId: isFifo ? alert.id : undefined,
    }]);
    assert.equal(
      await sink.check(),
      `queue "${name}": exists; only the first alert shows whether alerts may be sent there`,
    );
  }
});

Deno.test("send() twice with one id arrives once in a FIFO queue", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  const queue = await own.createQueue("once.fifo");
  await using sink = open("once.fifo");
  const alert = alertAbout();
  await sink.send(alert);
  await sink.send(alert);
  assert.deepEqual((await own.take(queue)).map(({ id }) => id), [alert.id]);
});

Deno.test("connect(), check() and send() say that the queue is missing; created later, it takes alerts", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open("later");
  const missing = { name: "Fault", message: 'queue "later" does not exist; create it', recovery: "operator" };
  await assert.rejects(sink.connect(), missing);
  await assert.rejects(sink.check(), missing);
  await assert.rejects(sink.send(alertAbout()), missing);
  const queue = await own.createQueue("later");
  const alert = alertAbout();
  await sink.send(alert);
  assert.deepEqual((await own.take(queue)).map(({ body }) => body), [alertJson(alert)]);
});

Deno.test("send() rejects an alert that no message can hold, and sends those beside it", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  const queue = await own.createQueue("large");
  await using sink = open("large");
  const large = alertAbout("large[0]", {
    lastEvent: `{"Name":"large[0]","Filling":"${"x".repeat(1 << 20)}"}`,
  });
  const small = alertAbout();
  const [refused, sent] = await Promise.allSettled([sink.send(large), sink.send(small)]);
  const bytes = new TextEncoder().encode(alertJson(large)).length;
  assert.equal(refused.status, "rejected");
  assert.equal(refused.reason.message, `queue "large" takes at most 1048576 bytes; the alert has ${bytes}`);
  assert.equal(refused.reason.recovery, "rejected");
  assert.equal(sent.status, "fulfilled");
  assert.deepEqual((await own.take(queue)).map(({ id }) => id), [small.id]);
});

/** What AWS answers and the server of the tests does not. */
const answers = [
  [400, { __type: "com.amazonaws.sqs#AccessDenied", message: "Access to the resource is denied." }, [
    'queue "crash-loops": Access to the resource is denied.; allow sqs:GetQueueUrl and sqs:SendMessage',
    "operator",
  ]],
  [400, { __type: "InvalidClientTokenId", message: "The security token is invalid." }, [
    'queue "crash-loops": InvalidClientTokenId: The security token is invalid.',
    "transient",
  ]],
  [503, { __type: "ServiceUnavailable", message: "Try later." }, [
    'queue "crash-loops": ServiceUnavailable: Try later.',
    "transient",
  ]],
] as const;

Deno.test("connect() says what AWS refuses", async () => {
  for (const [status, answer, [message, recovery]] of answers) {
    await using fake = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => Response.json(answer, { status, headers: { "content-type": "application/x-amz-json-1.0" } }),
    );
    using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${fake.addr.port}`));
    await using sink = open("crash-loops");
    await assert.rejects(sink.connect(), { name: "Fault", message, recovery });
  }
});

Deno.test("send() retries nothing by itself, and has a result for each entry of one request", async () => {
  const requests: string[] = [];
  await using fake = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const headers = { "content-type": "application/x-amz-json-1.0" };
      const { Entries } = await request.json();
      if (Entries === undefined) {
        return Response.json({ QueueUrl: new URL("/1/q", request.url).href }, { headers });
      }
      requests.push(Entries.map(({ Id }: { Id: string }) => Id).join());
      const [first, second, ...rest] = Entries as { Id: string; MessageBody: string }[];
      return Response.json({
        Failed: [
          { Id: first!.Id, Code: "InternalError", Message: "again", SenderFault: false },
          { Id: second!.Id, Code: "InvalidMessageContents", SenderFault: true },
        ],
        Successful: rest.map(({ Id, MessageBody }) => ({
          Id,
          MessageId: "m",
          MD5OfMessageBody: hash("md5", MessageBody, "hex"),
        })),
      }, { headers });
    },
  );
  using _ = setAwsEnv({ ...awsEnv(`http://127.0.0.1:${fake.addr.port}`) });
  await using sink = open("q");
  const alerts = [alertAbout(), alertAbout(), alertAbout()];
  const results = await Promise.allSettled(alerts.map((alert) => sink.send(alert)));
  assert.deepEqual(requests, [alerts.map(({ id }) => id).join()]);
  assert.deepEqual(
    results.slice(0, 2).map((result) => result.status === "rejected" && result.reason.message),
    [
      'queue "q": InternalError: again',
      'queue "q": InvalidMessageContents: no reason',
    ],
  );
  assert.deepEqual(
    results.slice(0, 2).map((result) => result.status === "rejected" && result.reason.recovery),
    [
      "transient",
      "rejected",
    ],
  );
});

Deno.test("prepare() refuses names that SQS does not take", () => {
  const problems: string[] = [];
  assert.equal(
    sqs.prepare({ flags: {}, env: { SINK_SQS_QUEUE_NAME: "https://sqs/1/q" }, problems }),
    undefined,
  );
  assert.deepEqual(problems, [
    'SINK_SQS_QUEUE_NAME (--sink-sqs-queue-name): found "https://sqs/1/q"; expected 1 to 80 of the letters a-z and ' +
    "A-Z, digits, _ and -, and .fifo at the end of a FIFO queue's name, such as crash-loops.fifo",
  ]);
});
