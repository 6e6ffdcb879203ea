// The contract of sinks, over all of them.
import { Long } from "mongodb";
import { amqpSink } from "../../src/sinks/amqp.ts";
import { kafka } from "../../src/sinks/kafka/kafka.ts";
import { kinesis } from "../../src/sinks/kinesis/kinesis.ts";
import { mongodb } from "../../src/sinks/mongodb/mongodb.ts";
import { nsq } from "../../src/sinks/nsq/nsq.ts";
import { redis } from "../../src/sinks/redis/redis.ts";
import { stdout } from "../../src/sinks/stdout.ts";
import { syslog } from "../../src/sinks/syslog/syslog.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { startKafka, startKafkaPeer } from "../helpers/kafka.ts";
import { awsEnv, type Kinesis, kinesisHand, setAwsEnv, startKinesis } from "../helpers/kinesis.ts";
import { startMongo } from "../helpers/mongodb.ts";
import { startNsqd } from "../helpers/nsqd.ts";
import { startProxy } from "../helpers/proxy.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { startRedis } from "../helpers/redis.ts";
import { startRsyslog } from "../helpers/rsyslog.ts";
import { sinkContext } from "../helpers/sink.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { sinkContract } from "./sink.ts";

let broker: RabbitMq;
let server: Kinesis;
Deno.test.beforeAll(async () => {
  [broker, server] = await Promise.all([startRabbitMq(), startKinesis()]);
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
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

sinkContract("redis", async () => {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startRedis("--requirepass", "hunter2"));
  const proxy = parts.use(await startProxy(server.port));
  const env = { SINK_REDIS_URL: `redis://:hunter2@127.0.0.1:${proxy.port}/`, SINK_REDIS_KEY: "loops" };
  const sink = parts.use(redis.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  const open = parts.move();
  return {
    sink,
    received: () => server.list("loops", "hunter2"),
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkContract("nsq", async () => {
  await using parts = new AsyncDisposableStack();
  const nsqd = parts.use(await startNsqd());
  const proxy = parts.use(await startProxy(nsqd.port));
  const env = { SINK_NSQ_ADDR: `127.0.0.1:${proxy.port}`, SINK_NSQ_TOPIC_NAME: "loops" };
  const sink = parts.use(nsq.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  const open = parts.move();
  return {
    sink,
    received: () => Promise.resolve(nsqd.topics.get("loops") ?? []),
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkContract("syslog", async () => {
  await using parts = new AsyncDisposableStack();
  const rsyslog = parts.use(await startRsyslog());
  const proxy = parts.use(await startProxy(rsyslog.tcpPort));
  const env = { SINK_SYSLOG_PROTO: "tcp", SINK_SYSLOG_ADDR: `127.0.0.1:${proxy.port}` };
  const sink = parts.use(syslog.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  let sent = 0;
  const send = sink.send.bind(sink);
  sink.send = async (alert) => {
    await send(alert);
    sent++;
  };
  // Syslog has no answer: a line has left when send() resolves, and rsyslog has it a moment later.
  const received = () =>
    waitFor("the lines that were sent", async () => {
      const lines = await rsyslog.lines();
      return lines.length >= sent && lines.map(({ text }) => text);
    });
  const open = parts.move();
  return {
    sink,
    received,
    async breakIt() {
      await received();
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkContract("kafka", async () => {
  await using parts = new AsyncDisposableStack();
  const cluster = parts.use(await startKafka("loops"));
  const peer = parts.use(await startKafkaPeer(cluster, { login: "detector:hunter2" }));
  const env = {
    SINK_KAFKA_BROKERS: peer.brokers,
    SINK_KAFKA_TOPIC: "loops",
    SINK_KAFKA_USER: "detector",
    SINK_KAFKA_PASSWORD: "hunter2",
  };
  const sink = parts.use(kafka.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  let confirmed = 0;
  const send = sink.send.bind(sink);
  sink.send = async (alert) => {
    await send(alert);
    confirmed++;
  };
  const open = parts.move();
  return {
    sink,
    // What is stored a consumer gets a moment later.
    received: async () => (await cluster.messages(confirmed)).map(({ value }) => value),
    breakIt: () => peer.refuse(),
    mendIt: () => peer.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkContract("mongodb", async () => {
  await using parts = new AsyncDisposableStack();
  const mongo = parts.use(await startMongo());
  const proxy = parts.use(await startProxy(mongo.port));
  const env = {
    SINK_MONGODB_CONNECTION: `mongodb://127.0.0.1:${proxy.port}/?appName=hunter2`,
    SINK_MONGODB_DATABASE: "nomad",
    SINK_MONGODB_COLLECTION: "loops",
  };
  const sink = parts.use(mongodb.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  const open = parts.move();
  return {
    sink,
    received: () =>
      Promise.resolve(
        mongo.documents("nomad.loops").map(({ _id, ...alert }) => {
          // Integers of 64 bits are objects here; in JSON they are digits.
          const json = JSON.stringify(alert, (_, value) => value instanceof Long ? `long:${value}` : value);
          return json.replaceAll(/"long:(-?\d+)"/g, "$1");
        }),
      ),
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});
