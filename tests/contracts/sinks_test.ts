// The contract of sinks, over all of them.
import { amqpSink } from "../../src/sinks/amqp.ts";
import { kinesis } from "../../src/sinks/kinesis.ts";
import { stdout } from "../../src/sinks/stdout.ts";
import { http } from "../../src/sinks/webhook/http.ts";
import { webhook } from "../../src/sinks/webhook/webhook.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { awsEnv, setAwsEnv } from "../helpers/aws.ts";
import { type Kinesis, kinesisHand, startKinesis } from "../helpers/kinesis.ts";
import { HttpReceiver } from "../helpers/http_receiver.ts";
import { startProxy } from "../helpers/proxy.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { sinkContext } from "../helpers/sink.ts";
import { type SinkCase, sinkContract } from "./sink.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { eventbridge } from "../../src/sinks/eventbridge.ts";
import { sns } from "../../src/sinks/sns.ts";
import { sqs } from "../../src/sinks/sqs.ts";
import { startEventBridge } from "../helpers/eventbridge.ts";
import type { NpmServer } from "../helpers/npm_server.ts";
import { sqsHand, startSqs } from "../helpers/sqs.ts";

let broker: RabbitMq;
let server: Kinesis;
let queues: NpmServer;
Deno.test.beforeAll(async () => {
  [broker, server, queues] = await Promise.all([startRabbitMq(), startKinesis(), startSqs()]);
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await queues[Symbol.asyncDispose]();
});

sinkContract("stdout", () => {
  let written = "";
  let broken = false;
  const write = (bytes: Uint8Array) => {
    if (broken) return Promise.reject(new Error("No space left on device (os error 28)"));
    written += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  };
  const sink = stdout.prepare({ flags: {}, env: {}, problems: [] })!.open(sinkContext({ stdout: { write } }));
  return Promise.resolve({
    sink,
    received: () => Promise.resolve(written.split("\n").slice(0, -1)),
    breakIt: async () => void await (broken = true),
    mendIt: async () => void await (broken = false),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
  });
});

sinkContract("amqp", async () => {
  await using parts = new AsyncDisposableStack();
  const proxy = parts.use(await startProxy(broker.port));
  const own = parts.use(await brokerClient(broker.url));
  await own.queue("alerts");
  await own.channel.assertExchange("contract", "topic");
  await own.channel.bindQueue("alerts", "contract", "crash-loop");
  const env = {
    SINK_AMQP_CONNECTION: `amqp://guest:guest@127.0.0.1:${proxy.port}`,
    SINK_AMQP_EXCHANGE: "contract",
    SINK_AMQP_ROUTING_KEY: "crash-loop",
  };
  const sink = parts.use(amqpSink.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  const open = parts.move();
  return {
    sink,
    async received() {
      const messages = await own.take("alerts", await own.ready("alerts"));
      return messages.map(({ content }) => content.toString());
    },
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "guest:guest",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkContract("kinesis", async () => {
  await using parts = new AsyncDisposableStack();
  const proxy = parts.use(await startProxy(Number(new URL(server.url).port)));
  parts.use(setAwsEnv(awsEnv(`http://127.0.0.1:${proxy.port}`)));
  const own = parts.use(kinesisHand(server.url));
  const stream = crypto.randomUUID();
  await own.create(stream);
  const env = { SINK_KINESIS_STREAM_NAME: stream, SINK_KINESIS_PARTITION_KEY: "nomad" };
  const sink = parts.use(kinesis.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  const open = parts.move();
  return {
    sink,
    received: async () => (await own.records(stream)).map(({ data }) => data),
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkContract("sqs", async () => {
  await using parts = new AsyncDisposableStack();
  const proxy = parts.use(await startProxy(Number(new URL(queues.url).port)));
  parts.use(setAwsEnv(awsEnv(`http://127.0.0.1:${proxy.port}`)));
  const own = parts.use(sqsHand(queues.url));
  const name = crypto.randomUUID();
  const queue = await own.createQueue(name);
  const env = { SINK_SQS_QUEUE_NAME: name };
  const sink = parts.use(sqs.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  return throughProxy(proxy, sink, parts, async () => (await own.take(queue)).map(({ body }) => body));
});

sinkContract("sns", async () => {
  await using parts = new AsyncDisposableStack();
  const proxy = parts.use(await startProxy(Number(new URL(queues.url).port)));
  parts.use(setAwsEnv(awsEnv(`http://127.0.0.1:${proxy.port}`)));
  const own = parts.use(sqsHand(queues.url));
  const { arn, queue } = await own.createTopic(crypto.randomUUID());
  const env = { SINK_SNS_TOPIC_ARN: arn };
  const sink = parts.use(sns.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  return throughProxy(proxy, sink, parts, async () => (await own.take(queue)).map(({ body }) => body));
});

sinkContract("eventbridge", async () => {
  await using parts = new AsyncDisposableStack();
  const bus = parts.use(startEventBridge("contract"));
  const proxy = parts.use(await startProxy(Number(new URL(bus.url).port)));
  parts.use(setAwsEnv(awsEnv(`http://127.0.0.1:${proxy.port}`)));
  const env = { SINK_EVENT_BUS_NAME: "contract" };
  const sink = parts.use(eventbridge.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  return throughProxy(proxy, sink, parts, () => Promise.resolve(bus.events.map(({ Detail }) => Detail)));
});

for (
  const { type, adapter, variable } of [
    { type: "webhook", adapter: webhook, variable: "SINK_WEBHOOK_URL" },
    { type: "http", adapter: http, variable: "SINK_HTTP_ADDRESS" },
  ]
) {
  sinkContract(type, async () => {
    await using parts = new AsyncDisposableStack();
    const receiver = parts.use(HttpReceiver.start());
    const proxy = parts.use(await startProxy(receiver.port));
    const env = { [variable]: `http://127.0.0.1:${proxy.port}/hooks/hunter2` };
    const sink = parts.use(adapter.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
    return throughProxy(proxy, sink, parts, () => Promise.resolve(receiver.received.map(({ body }) => body)));
  });
}

/** A case whose receiver is behind a proxy, which breaks it. Takes over what `parts` holds. */
function throughProxy(
  proxy: Awaited<ReturnType<typeof startProxy>>,
  sink: Sink,
  parts: AsyncDisposableStack,
  received: () => Promise<string[]>,
): SinkCase {
  const open = parts.move();
  return {
    sink,
    received,
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
