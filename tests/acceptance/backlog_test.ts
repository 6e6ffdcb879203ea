// The program with a backlog as after a long outage, while its sink goes away in the middle: nothing is lost.
import assert from "node:assert/strict";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { Program } from "../helpers/program.ts";
import { startProxy } from "../helpers/proxy.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { now, restarts, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
let own: BrokerClient;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
  own = await brokerClient(broker.url);
});
Deno.test.afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

const messages = 200_000;
const phases = 10;
/** In each phase so many names restart five times, which are loops, and so many four times, which are none. */
const loops = 100;
const others = 125;

/** The restarts of a phase, of all its names in turn: names of loops come a fifth time. */
function* restartsOf(phase: number): Iterable<string> {
  for (let round = 0; round < 5; round++) {
    for (let name = 0; name < loops; name++) yield `loop${phase}.group[${name}]`;
    for (let name = 0; round < 4 && name < others; name++) yield `other${phase}.group[${name}]`;
  }
}

/** All messages, of which every twentieth is a restart. */
function* backlog(): Iterable<string> {
  for (let phase = 0; phase < phases; phase++) {
    for (const name of restartsOf(phase)) {
      yield update({ name, time: now() });
      for (let more = 1; more < 20; more++) yield update({ name, time: now(), type: "Started" });
    }
  }
}

Deno.test("a backlog of 200,000 is consumed without loss while the sink is down in the middle", async () => {
  await own.queue("in");
  await own.queue("out");
  await own.channel.assertExchange("alerts", "topic");
  await own.channel.bindQueue("out", "alerts", "crash-loop");
  for (let batch: string[] = [], all = backlog()[Symbol.iterator](), sent = 0; sent < messages;) {
    for (let next; batch.length < 10_000 && !(next = all.next()).done;) batch.push(next.value);
    await own.put("in", batch);
    sent += batch.length;
    batch = [];
  }
  assert.equal(await own.ready("in"), messages);
  await using proxy = await startProxy(broker.port);
  await using program = new Program({
    env: {
      AMQP_CONNECTION: broker.url,
      AMQP_QUEUE: "in",
      SINK_TYPE: "amqp",
      SINK_AMQP_CONNECTION: `amqp://guest:guest@127.0.0.1:${proxy.port}/`,
      SINK_AMQP_EXCHANGE: "alerts",
      SINK_AMQP_ROUTING_KEY: "crash-loop",
      RESTART_COUNT: "5",
      RESTART_INTERVAL: "1h",
      NOTIFICATION_INTERVAL: "1h",
      LOG_LEVEL: "warning",
    },
  });

  await waitFor("the first alerts", async () => await own.ready("out") > 0, { timeoutMs: 60_000 });
  proxy.refuse();
  await proxy.cut();
  await waitFor("the outage to be logged", () => program.stderr.includes("warning sink amqp: "));
  assert.ok(await own.ready("out") < loops * phases, "there are alerts left to send after the outage");
  assert.ok(await own.ready("in") > 0, "there are messages left to consume after the outage");
  await proxy.accept();

  await waitFor("all messages to be acknowledged", async () => {
    return /^in\s+0$/m.test(await broker.ctl("list_queues", "name", "messages"));
  }, { timeoutMs: 120_000, everyMs: 200 });
  const alerts = await own.take("out", await own.ready("out"));
  const idsByName = Map.groupBy(
    alerts,
    ({ content }) => JSON.parse(content.toString()).LastEvent.Name as string,
  );
  const expected = Array.from(
    { length: phases },
    (_, phase) => Array.from({ length: loops }, (_, name) => `loop${phase}.group[${name}]`),
  ).flat();
  assert.deepEqual([...idsByName.keys()].toSorted(), expected.toSorted());
  // Alerts whose confirmation was cut off are sent again, with the same id.
  const ids = [...idsByName.values()].map((alerts) =>
    new Set(alerts.map(({ properties }) => properties.messageId))
  );
  assert.deepEqual(ids.filter((ids) => ids.size !== 1), []);
  assert.equal(new Set(ids.flatMap((ids) => [...ids])).size, loops * phases);
  assert.ok(alerts.length <= loops * phases + 100, `${alerts.length} alerts came`);
  for (const { content } of alerts) assert.equal(JSON.parse(content.toString()).EventLog.length, 5);
  assert.equal(program.stderr.match(/warning sink amqp: .*; retrying$/gm)?.length, 1);
});

Deno.test("the reader of stdout goes away: one line, exit 1, and what was not notified stays in the queue", async () => {
  await own.queue("in");
  const updates = Array.from({ length: 3000 }, (_, index) => restarts(2, { name: `j.g[${index}]` })).flat();
  await own.put("in", updates);
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const command =
    '"$0" run --quiet -A --no-check "$1" --log-level warning | head -1 | wc -l; exit "${PIPESTATUS[0]}"';
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", command, Deno.execPath(), main],
    env: { AMQP_CONNECTION: broker.url, AMQP_QUEUE: "in", RESTART_COUNT: "2" },
  }).output();
  assert.match(new TextDecoder().decode(stderr), /^\S+ error the reader of stdout went away\n$/);
  assert.equal(new TextDecoder().decode(stdout).trim(), "1");
  assert.equal(code, 1);
  await waitFor("messages to be back", async () => await own.ready("in") > 0);
});
