// The bundle that releases are made of: it does what the modules in src do, and finds what it loads later.
import assert from "node:assert/strict";
import { brokerClient } from "../helpers/amqp.ts";
import { Bundle } from "../helpers/bundle.ts";
import { startKafka } from "../helpers/kafka.ts";
import { startMongo } from "../helpers/mongodb.ts";
import { Program, run } from "../helpers/program.ts";
import { freePort, restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { restarts } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

const recording = new URL("../fixtures/firehose.ndjson.gz", import.meta.url).pathname;
const folder = new URL("../../src/status/page/", import.meta.url);

let bundle: Bundle;
Deno.test.beforeAll(async () => void (bundle = await Bundle.make()));
Deno.test.afterAll(() => bundle[Symbol.dispose]());

Deno.test("the bundle finds the alerts that the program finds, and says the same in its help", async () => {
  for (const args of [["--log-level", "warning", recording], ["--help"], ["replay", recording]]) {
    const { code, stdout, stderr } = await run({ args, main: bundle.main });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.length > 1000);
    assert.equal(stdout, (await run({ args })).stdout);
  }
});

Deno.test("the bundle serves every file of the page, and metrics", async () => {
  await using program = new Program({ args: ["--listen", "127.0.0.1:0", recording], main: bundle.main });
  const where = await waitFor("the address", () => /Status at (\S+)\/\n/.exec(program.stderr)?.[1]);
  const get = async (path: string) => {
    const answer = await fetch(`${where}${path}`);
    const body = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${body}`);
    return body;
  };
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert.ok(files.includes("index.html") && files.length > 5);
  for (const name of files) {
    const path = name === "index.html" ? "/" : `/page/${name}`;
    assert.equal(await get(path), Deno.readTextFileSync(new URL(name, folder)));
  }
  assert.match(await get("/metrics"), /^crashloop_detector_/m);
});

Deno.test("the bundle loads what a state file, RabbitMQ, Nomad, Kinesis and templates need", async () => {
  const state = Deno.makeTempDirSync();
  const nobody = `127.0.0.1:${freePort()}`;
  const env = {
    STATE: `sqlite:${state}/state.db`,
    AMQP_CONNECTION: `amqp://${nobody}/`,
    AMQP_QUEUE: "q",
    NOMAD_ADDR: `http://${nobody}`,
    SINK_TYPE: "kinesis,webhook",
    SINK_WEBHOOK_URL: `http://${nobody}/hook`,
    SINK_WEBHOOK_FORMAT: "template",
    SINK_WEBHOOK_TEMPLATE_FILE:
      new URL("../../src/sinks/webhook/examples/ntfy.json.liquid", import.meta.url).pathname,
    SINK_KINESIS_STREAM_NAME: "loops",
    SINK_KINESIS_PARTITION_KEY: "nomad",
    AWS_ENDPOINT_URL_KINESIS: `http://${nobody}`,
    AWS_REGION: "eu-north-1",
    AWS_ACCESS_KEY_ID: "AKIATEST",
    AWS_SECRET_ACCESS_KEY: "hunter2",
  };
  try {
    for (const source of ["amqp", "nomad"]) {
      const args = ["check", "--source-type", source];
      const bundled = await run({ args, env, main: bundle.main });
      assert.equal(bundled.code, 1);
      assert.match(bundled.stdout, /^ok +state: .*: can be created$/m);
      assert.match(bundled.stdout, /^failed +source: .*(connect ECONNREFUSED 127|connection refused)/m);
      assert.match(bundled.stdout, /^failed +sink kinesis: stream "loops": connection refused$/m);
      assert.match(
        bundled.stdout,
        /^failed +sink webhook: http:\/\/127\.0\.0\.1:\d+\/…: connection refused$/m,
      );
      assert.deepEqual(bundled, await run({ args, env }));
    }
  } finally {
    Deno.removeSync(state, { recursive: true });
  }
});

Deno.test("the bundle loads what Kafka and MongoDB need, and sends to both", async () => {
  await using kafka = await startKafka("loops");
  await using mongo = await startMongo();
  const { code, stderr } = await run({
    args: ["--source-type", "stdin", "--log-level", "warning"],
    env: {
      RESTART_COUNT: "2",
      SINK_TYPE: "kafka,mongodb",
      SINK_KAFKA_BROKERS: kafka.brokers.join(","),
      SINK_KAFKA_TOPIC: "loops",
      SINK_MONGODB_CONNECTION: `mongodb://127.0.0.1:${mongo.port}`,
      SINK_MONGODB_DATABASE: "nomad",
      SINK_MONGODB_COLLECTION: "loops",
    },
    stdin: restarts(2, { name: "a.b[0]" }).join("\n"),
    main: bundle.main,
  });
  assert.deepEqual([code, stderr], [0, ""]);
  const [message] = await kafka.messages(1);
  assert.match(message!.value, /"a\.b\[0\]"/);
  assert.equal(mongo.documents("nomad.loops").length, 1);
});

Deno.test("the bundle reads from RabbitMQ and sends to it", restartsBroker, async () => {
  await using broker = await startRabbitMq();
  await using own = await brokerClient(broker.url);
  await own.queue("in");
  await own.queue("out");
  await own.channel.bindQueue("out", "amq.topic", "out");
  await using program = new Program({
    env: {
      AMQP_CONNECTION: broker.url,
      AMQP_QUEUE: "in",
      RESTART_COUNT: "2",
      SINK_TYPE: "amqp",
      SINK_AMQP_CONNECTION: broker.url,
      SINK_AMQP_EXCHANGE: "amq.topic",
      SINK_AMQP_ROUTING_KEY: "out",
    },
    main: bundle.main,
  });
  await program.logged("source amqp: consumes");
  await own.put("in", restarts(2, { name: "a.b[0]" }));
  await program.logged("a.b[0]: crash loop");
  const [alert] = await own.take("out", 1);
  assert.match(alert!.content.toString(), /"a\.b\[0\]"/);
});
