// Every sink and a receiver of it, to be tried together: for the contract, and for runs with random faults.
import type { Alert } from "../../src/detection/alert/alert.ts";
import { messageOf } from "../../src/detection/alert/message.ts";
import type { SinkAdapter } from "../../src/sinks/adapter.ts";
import { alertmanager } from "../../src/sinks/alertmanager/alertmanager.ts";
import { Long } from "mongodb";
import { mongodb } from "../../src/sinks/mongodb/mongodb.ts";
import { startMongo } from "../helpers/mongodb.ts";
import { kafka } from "../../src/sinks/kafka/kafka.ts";
import { nsq } from "../../src/sinks/nsq/nsq.ts";
import { redis } from "../../src/sinks/redis/redis.ts";
import { syslog } from "../../src/sinks/syslog/syslog.ts";
import { startKafka, startKafkaPeer } from "../helpers/kafka.ts";
import { startNsqd } from "../helpers/nsqd.ts";
import { startRedis } from "../helpers/redis.ts";
import { startRsyslog } from "../helpers/rsyslog.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { amqpSink } from "../../src/sinks/amqp.ts";
import { email } from "../../src/sinks/email/email.ts";
import { kinesis } from "../../src/sinks/kinesis.ts";
import { pagerduty } from "../../src/sinks/pagerduty.ts";
import { openSlack, slack } from "../../src/sinks/slack/slack.ts";
import { stdout } from "../../src/sinks/stdout.ts";
import { openTeams, teams } from "../../src/sinks/teams.ts";
import { startAlertmanager } from "../helpers/alertmanager.ts";
import { http } from "../../src/sinks/webhook/http.ts";
import { webhook } from "../../src/sinks/webhook/webhook.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { awsEnv, setAwsEnv } from "../helpers/aws.ts";
import { type Kinesis, kinesisHand, startKinesis } from "../helpers/kinesis.ts";
import { HttpReceiver } from "../helpers/http_receiver.ts";
import { startProxy } from "../helpers/proxy.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { sinkContext } from "../helpers/sink.ts";
import type { SinkCase } from "./sink.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { eventbridge } from "../../src/sinks/eventbridge.ts";
import { sns } from "../../src/sinks/sns.ts";
import { sqs } from "../../src/sinks/sqs.ts";
import { startEventBridge } from "../helpers/eventbridge.ts";
import type { NpmServer } from "../helpers/npm_server.ts";
import { sqsHand, startSqs } from "../helpers/sqs.ts";
import { startPagerDuty } from "../helpers/pagerduty.ts";
import { startSlack } from "../helpers/slack.ts";
import type { StandIn } from "../helpers/stand_in.ts";
import { startMailServer } from "../helpers/smtp.ts";
import { startTeams } from "../helpers/teams.ts";

let broker: RabbitMq;
let server: Kinesis;
let queues: NpmServer;

/** Starts the servers that several cases share; the cases need them. */
export async function startServers(): Promise<AsyncDisposable> {
  [broker, server, queues] = await Promise.all([startRabbitMq(), startKinesis(), startSqs()]);
  return {
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await queues[Symbol.asyncDispose]();
    },
  };
}

/** Milliseconds between two messages of a sink that keeps a pace, and of its receiver, in place of their own. */
export type SetUpCase = (interval?: number) => Promise<SinkCase>;

/** By name, what sets up a case. */
export const sinkCases = new Map<string, SetUpCase>();

sinkCases.set("stdout", () => {
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

sinkCases.set("amqp", async () => {
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

sinkCases.set("kinesis", async () => {
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

sinkCases.set("sqs", async () => {
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

sinkCases.set("sns", async () => {
  await using parts = new AsyncDisposableStack();
  const proxy = parts.use(await startProxy(Number(new URL(queues.url).port)));
  parts.use(setAwsEnv(awsEnv(`http://127.0.0.1:${proxy.port}`)));
  const own = parts.use(sqsHand(queues.url));
  const { arn, queue } = await own.createTopic(crypto.randomUUID());
  const env = { SINK_SNS_TOPIC_ARN: arn };
  const sink = parts.use(sns.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  return throughProxy(proxy, sink, parts, async () => (await own.take(queue)).map(({ body }) => body));
});

sinkCases.set("eventbridge", async () => {
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
  sinkCases.set(type, async () => {
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

/** Opens the sink with these variables. */
function opened(adapter: SinkAdapter): (env: Readonly<Record<string, string>>) => Sink {
  return (env) => adapter.prepare({ flags: {}, env, problems: [] })!.open(sinkContext());
}

/** Slack with another pace than its own. */
function slackPaced(interval: number | undefined): (env: Readonly<Record<string, string>>) => Sink {
  if (interval === undefined) return opened(slack);
  return (env) => {
    const webhook = env.SINK_SLACK_WEBHOOK_URL;
    const values = {
      webhookUrl: webhook === undefined ? undefined : new URL(webhook),
      token: env.SINK_SLACK_TOKEN,
      channel: env.SINK_SLACK_CHANNEL,
      apiUrl: new URL(env.SINK_SLACK_API_URL ?? "https://slack.com/api"),
    };
    return openSlack(values, sinkContext(), "SINK_SLACK", interval);
  };
}

/** Teams with another pace than its own. */
function teamsPaced(interval: number | undefined): (env: Readonly<Record<string, string>>) => Sink {
  if (interval === undefined) return opened(teams);
  return (env) =>
    openTeams({ webhookUrl: new URL(env.SINK_TEAMS_WEBHOOK_URL!) }, sinkContext(), "SINK_TEAMS", interval);
}

/** A receiver for people, which shows an alert's title, behind a proxy that breaks the way to it. */
async function standInCase<Receiver extends StandIn>(
  start: () => Promise<Receiver>,
  prepare: (env: Readonly<Record<string, string>>) => Sink,
  env: (receiver: Receiver, origin: string) => Readonly<Record<string, string>>,
  secret: (receiver: Receiver) => string,
  received: (receiver: Receiver) => string[],
): Promise<SinkCase> {
  await using parts = new AsyncDisposableStack();
  const receiver = parts.use(await start());
  const proxy = parts.use(await startProxy(receiver.port));
  const variables = env(receiver, `http://127.0.0.1:${proxy.port}`);
  const sink = parts.use(prepare(variables));
  const open = parts.move();
  return {
    sink,
    received: () => Promise.resolve(received(receiver)),
    shows: (alert: Alert) => messageOf(alert).title,
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: secret(receiver),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** The title, without the sign of the state before it. */
const titlesOf = (messages: readonly { readonly blocks: readonly { text: { text: string } }[] }[]) =>
  messages.map(({ blocks: [header] }) => header!.text.text.replace(/^\S+ /, ""));

sinkCases.set("slack with a token", (interval) =>
  standInCase(
    () => startSlack(interval),
    slackPaced(interval),
    ({ token }, origin) => ({
      SINK_SLACK_TOKEN: token,
      SINK_SLACK_CHANNEL: "#alerts",
      SINK_SLACK_API_URL: `${origin}/api`,
    }),
    ({ token }) => token,
    ({ messages }) => titlesOf(messages),
  ));

sinkCases.set("slack with a webhook", (interval) =>
  standInCase(
    () => startSlack(interval),
    slackPaced(interval),
    ({ webhookPath }, origin) => ({ SINK_SLACK_WEBHOOK_URL: origin + webhookPath }),
    () => "s3cr3tOfTheWebhook",
    ({ messages }) => titlesOf(messages),
  ));

sinkCases.set("pagerduty", () =>
  standInCase(
    startPagerDuty,
    opened(pagerduty),
    ({ routingKey }, origin) => ({ SINK_PAGERDUTY_ROUTING_KEY: routingKey, SINK_PAGERDUTY_URL: origin }),
    ({ routingKey }) => routingKey,
    // Alerts about one loop are one alert of PagerDuty.
    ({ alerts }) => alerts.flatMap(({ payloads }) => payloads.map(({ summary }) => summary)),
  ));

sinkCases.set("teams", (interval) =>
  standInCase(
    () => startTeams(interval),
    teamsPaced(interval),
    ({ path }, origin) => ({ SINK_TEAMS_WEBHOOK_URL: origin + path }),
    () => "S1gnatureOfTheFlow",
    ({ cards }) => cards.map(({ body: [title] }) => title.text),
  ));

sinkCases.set("alertmanager", async () => {
  await using parts = new AsyncDisposableStack();
  const own = parts.use(await startAlertmanager());
  const proxy = parts.use(await startProxy(own.port));
  const env = {
    SINK_ALERTMANAGER_URLS: `http://127.0.0.1:${proxy.port}`,
    SINK_ALERTMANAGER_BASIC_AUTH: "detector:hunter2",
  };
  const sink = parts.use(alertmanager.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  const open = parts.move();
  return {
    sink,
    received: async () => (await own.active()).map(({ annotations }) => annotations.summary!),
    shows: (alert) => messageOf(alert).title,
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkCases.set("email", async () => {
  await using parts = new AsyncDisposableStack();
  const own = parts.use(await startMailServer({ password: "hunter2" }));
  const proxy = parts.use(await startProxy(own.port));
  const env = {
    SINK_EMAIL_SMTP_URL: `smtp://detector:hunter2@127.0.0.1:${proxy.port}?starttls=optional`,
    SINK_EMAIL_FROM: "nomad@example.com",
    SINK_EMAIL_TO: "on-call@example.com",
  };
  const sink = parts.use(email.prepare({ flags: {}, env, problems: [] })!.open(sinkContext()));
  const open = parts.move();
  return {
    sink,
    received: () => Promise.resolve(own.letters.map(({ headers }) => headers.subject!)),
    shows: (alert) => messageOf(alert).title,
    async breakIt() {
      proxy.refuse();
      await proxy.cut();
    },
    mendIt: () => proxy.accept(),
    secret: "hunter2",
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
});

sinkCases.set("redis", async () => {
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

sinkCases.set("nsq", async () => {
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

sinkCases.set("syslog", async () => {
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

sinkCases.set("kafka", async () => {
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

sinkCases.set("mongodb", async () => {
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
