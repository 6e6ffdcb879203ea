// The sink `kinesis` at a Kinesis server, and what it says of each thing that can be wrong. What it must do as any
// sink does is in contracts/.
import assert from "node:assert/strict";
import { alertJson } from "../../src/detection/alert/json.ts";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Sink } from "../../src/sinks/sink.ts";
import { kinesis } from "../../src/sinks/kinesis.ts";
import { AwsHandler } from "../../src/clients/aws/handler.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { awsEnv, setAwsEnv } from "../helpers/aws.ts";
import { type Kinesis, type KinesisHand, kinesisHand, startKinesis } from "../helpers/kinesis.ts";
import { startProxy } from "../helpers/proxy.ts";
import { freePort } from "../helpers/rabbitmq.ts";
import { waitFor, within } from "../helpers/wait_for.ts";
import { sinkContext } from "../helpers/sink.ts";

let server: Kinesis;
let own: KinesisHand;
Deno.test.beforeAll(async () => {
  server = await startKinesis();
  own = kinesisHand(server.url);
  await own.create("crash-loops");
});
Deno.test.afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const settings = { SINK_KINESIS_STREAM_NAME: "crash-loops", SINK_KINESIS_PARTITION_KEY: "nomad" };

function open(more: Record<string, string> = {}): Sink {
  return kinesis.prepare({ flags: {}, env: { ...settings, ...more }, problems: [] })!.open(sinkContext());
}

Deno.test("send() puts one record with the partition key", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open();
  const alert = alertAbout();
  await sink.send(alert);
  assert.deepEqual((await own.records("crash-loops")).at(-1), {
    data: alertJson(alert),
    partitionKey: "nomad",
  });
  assert.equal(await sink.check(), 'stream "crash-loops": reachable');
});

const missing = { name: "Fault", message: 'stream "later" does not exist; create it', recovery: "operator" };

Deno.test("connect(), check() and send() say that the stream is missing; created later, it takes alerts", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open({ SINK_KINESIS_STREAM_NAME: "later" });
  const alert = alertAbout();
  await assert.rejects(sink.connect(), missing);
  await assert.rejects(sink.check(), missing);
  await assert.rejects(sink.send(alert), missing);
  await own.create("later");
  await sink.connect();
  await sink.send(alert);
  assert.deepEqual((await own.records("later")).map(({ data }) => data), [alertJson(alert)]);
});

Deno.test("send() has an alert larger than a record may be refused for good", async () => {
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open();
  const large = alertAbout("large[0]", {
    lastEvent: `{"Name":"large[0]","Filling":"${"x".repeat(1 << 20)}"}`,
  });
  const size = new TextEncoder().encode(alertJson(large)).length;
  await assert.rejects(sink.send(large), {
    name: "Fault",
    message: 'stream "crash-loops" refused the alert: 1 validation error detected: ' +
      `Value 'java.nio.HeapByteBuffer[pos=0 lim=${size} cap=${size}]' at 'data' failed to satisfy constraint: ` +
      "Member must have length less than or equal to 1048576",
    recovery: "rejected",
  });
  await sink.send(alertAbout());
});

/** Environments that cannot work, and what is said of them. */
const wrong: readonly (readonly [
  env: Record<string, string | undefined>,
  message: string,
  recovery: string,
])[] = [
  [{ AWS_REGION: undefined }, "no AWS region; set AWS_REGION", "config"],
  [{ AWS_REGION: "" }, "no AWS region; set AWS_REGION", "config"],
  [
    { AWS_REGION: "not a region!" },
    'the AWS region is none: Region not accepted: region="not a region!" is not a valid hostname component. ' +
    "Set AWS_REGION",
    "config",
  ],
  [
    { AWS_ENDPOINT_URL_KINESIS: "nonsense" },
    "the AWS endpoint is not a URL; set AWS_ENDPOINT_URL_KINESIS",
    "config",
  ],
  [
    { AWS_ACCESS_KEY_ID: "" },
    "no AWS credentials: Could not load credentials from any providers; " +
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile",
    "operator",
  ],
];

Deno.test("connect() and send() say what is wrong with the environment of AWS, without its secret", async () => {
  for (const [env, message, recovery] of wrong) {
    using _ = setAwsEnv({ ...awsEnv(server.url), ...env, AWS_CONFIG_FILE: "/dev/null" });
    await using sink = open();
    const fault = { name: "Fault", message, recovery };
    await assert.rejects(sink.connect(), fault);
    await assert.rejects(sink.send(alertAbout()), fault);
  }
});

Deno.test("connect() says that nobody answers, and heals", async () => {
  const port = freePort();
  using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${port}`));
  await using sink = open();
  await assert.rejects(sink.connect(), {
    name: "Fault",
    message: `stream "crash-loops": connection refused`,
    recovery: "transient",
  });
});

Deno.test("send() gives up when no answer comes", async () => {
  await using proxy = await startProxy(Number(new URL(server.url).port));
  using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${proxy.port}`));
  await using sink = open();
  await sink.connect();
  proxy.stall();
  await assert.rejects(sink.send(alertAbout()), {
    name: "Fault",
    message: 'stream "crash-loops": no answer within 10 s',
    recovery: "transient",
  });
  proxy.resume();
  await sink.send(alertAbout());
});

/** A server of TCP that takes requests, each passed to `answer`. */
async function startServer(answer: (request: string, socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // the client may go away at any time
    socket.on("data", (data) => answer(data.toString("latin1"), socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const active = '{"StreamDescriptionSummary":{"StreamStatus":"ACTIVE"}}';
const headOf = (length: number) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: ${length}\r\n\r\n`;

Deno.test("send() is one request, which is not sent again when no answer comes", async () => {
  const seen: string[] = [];
  await using server = await startServer((request, socket) => {
    const command = /^x-amz-target: Kinesis_\d+\.(\w+)/im.exec(request)?.[1];
    if (command !== undefined) seen.push(command);
    if (command === "DescribeStreamSummary") socket.write(headOf(active.length) + active);
  });
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open();
  await sink.connect();
  await assert.rejects(sink.send(alertAbout()), /no answer within 10 s/);
  // What was sent before this answer came was sent before this request.
  await sink.connect();
  assert.deepEqual(seen, ["DescribeStreamSummary", "PutRecord", "DescribeStreamSummary"]);
});

Deno.test("send() is one request, which is not sent again when the connection breaks", async () => {
  const seen: string[] = [];
  await using server = await startServer((request, socket) => {
    const command = /^x-amz-target: Kinesis_\d+\.(\w+)/im.exec(request)?.[1];
    if (command !== undefined) seen.push(command);
    if (command === "PutRecord") socket.resetAndDestroy();
    else socket.write(headOf(active.length) + active);
  });
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open();
  await sink.connect();
  await assert.rejects(sink.send(alertAbout()), { recovery: "transient" });
  await sink.connect();
  assert.deepEqual(seen, ["DescribeStreamSummary", "PutRecord", "DescribeStreamSummary"]);
});

Deno.test("send() reads no more of an answer than 1 MB", async () => {
  const piece = "x".repeat(64 << 10);
  let written = 0;
  const closed = Promise.withResolvers<void>();
  await using server = await startServer((request, socket) => {
    if (!/^POST/.test(request)) return;
    socket.once("close", closed.resolve);
    socket.write(headOf(1 << 30));
    const write = () => {
      while (!socket.destroyed && (written += piece.length) < 1 << 30 && socket.write(piece));
    };
    socket.on("drain", write);
    write();
  });
  using _ = setAwsEnv(awsEnv(server.url));
  await using sink = open();
  await assert.rejects(sink.send(alertAbout()), {
    message: 'stream "crash-loops": the answer is longer than 1 MB',
    recovery: "transient",
  });
  await closed.promise;
  assert.ok(written < 64 << 20, `${written} bytes were taken`); // most of them by the system's buffers
});

Deno.test("an answer that comes drop by drop is given up in time", async () => {
  let timer: ReturnType<typeof setInterval> | undefined;
  await using server = await startServer((request, socket) => {
    if (!/^POST/.test(request)) return;
    socket.write(headOf(1 << 20));
    timer = setInterval(() => socket.write(" "), 20);
  });
  const { hostname, port } = new URL(server.url);
  const handler = new AwsHandler(200);
  const request = { protocol: "http:", hostname, port: Number(port), method: "POST", path: "/", headers: {} };
  await assert.rejects(handler.handle(request), { message: "no answer within 0.2 s" });
  clearInterval(timer);
  handler.destroy();
});

Deno.test("connect() waits for Kinesis where a proxy answers", async () => {
  for (
    const [status, type, text] of [
      [200, "text/html", "<html>Log in"],
      [302, "text/html", "<html>Moved"],
      [403, "text/html", "<html>Forbidden"],
      [404, "text/plain", "404 page not found"],
      [503, "text/html", "<html>Maintenance"],
    ] as const
  ) {
    await using fake = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => new Response(text, { status, headers: { "content-type": type, location: "/login" } }),
    );
    using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${fake.addr.port}`));
    await using sink = open();
    await assert.rejects(sink.connect(), {
      message: `stream "crash-loops": an answer ${status} of type ${type} is not from Kinesis; ` +
        "check AWS_ENDPOINT_URL_KINESIS and any proxies",
      recovery: "transient",
    });
  }
});

Deno.test("disposing the sink settles the alerts on their way, although nobody answers", async () => {
  let unanswered = 0;
  const never = Promise.withResolvers<Response>();
  await using fake = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    if (request.headers.get("x-amz-target")?.endsWith("DescribeStreamSummary")) {
      return Response.json({ StreamDescriptionSummary: { StreamStatus: "ACTIVE" } });
    }
    unanswered++;
    return never.promise;
  });
  using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${fake.addr.port}`));
  const sink = open();
  await sink.connect();
  const sends = Promise.allSettled([sink.send(alertAbout()), sink.send(alertAbout())]);
  await waitFor("the alerts to be on their way", () => unanswered > 0);
  await sink[Symbol.asyncDispose]();
  // Sooner than the requests time out.
  const settled = await within("the sends to settle", sends, 8000);
  for (const send of settled) assert.equal(send.status, "rejected");
  never.resolve(new Response());
});

/** What AWS answers and the server of the tests does not. */
const answers:
  readonly (readonly [status: number, answer: Record<string, unknown>, message: string | undefined])[] = [
    [
      200,
      { StreamDescriptionSummary: { StreamStatus: "DELETING" } },
      'stream "crash-loops" is DELETING; it takes alerts when it is ACTIVE',
    ],
    [200, { StreamDescriptionSummary: { StreamStatus: "UPDATING" } }, undefined],
    [
      400,
      { __type: "AccessDeniedException", message: "not authorized to perform: kinesis:Describe" },
      undefined,
    ],
    [
      400,
      {
        __type: "UnrecognizedClientException",
        message: "The security token included in the request is invalid.",
      },
      'stream "crash-loops": UnrecognizedClientException: The security token included in the request is invalid.',
    ],
  ];

Deno.test("connect() takes a stream that takes alerts, and credentials that may do no more than that", async () => {
  for (const [status, answer, message] of answers) {
    await using fake = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => Response.json(answer, { status, headers: { "content-type": "application/x-amz-json-1.1" } }),
    );
    using _ = setAwsEnv(awsEnv(`http://127.0.0.1:${fake.addr.port}`));
    await using sink = open();
    if (message === undefined) await sink.connect();
    else await assert.rejects(sink.connect(), { name: "Fault", message, recovery: "transient" });
  }
});

Deno.test("prepare() refuses names that Kinesis does not take", () => {
  const refused = [
    [
      { SINK_KINESIS_STREAM_NAME: "crash loops" },
      'SINK_KINESIS_STREAM_NAME (--sink-kinesis-stream-name): found "crash loops"; ' +
      "expected 1 to 128 of the letters a-z and A-Z, digits, and _.-, such as crash-loops",
    ],
    [
      { SINK_KINESIS_PARTITION_KEY: "x".repeat(257) },
      `SINK_KINESIS_PARTITION_KEY (--sink-kinesis-partition-key): found "${"x".repeat(257)}"; ` +
      "expected 1 to 256 characters, such as nomad",
    ],
  ] as const;
  for (const [env, problem] of refused) {
    const problems: string[] = [];
    assert.equal(kinesis.prepare({ flags: {}, env: { ...settings, ...env }, problems }), undefined);
    assert.deepEqual(problems, [problem]);
  }
});
