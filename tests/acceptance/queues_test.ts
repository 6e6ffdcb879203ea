// The program and queues of every kind: quorum queues with a delivery-limit, streams, queues that were declared with
// other arguments, and users that may not look.
import assert from "node:assert/strict";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { startPeer } from "../helpers/amqp_peer.ts";
import { Program, run } from "../helpers/program.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { restarts } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
  await broker.ctl("add_user", "detector", "right");
  await broker.ctl("set_permissions", "detector", "^$", ".*", ".*");
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

type QueueArguments = Record<string, unknown>;

const quorum = { "x-queue-type": "quorum" };
const limited = {
  ...quorum,
  "x-delivery-limit": 3,
  "x-dead-letter-exchange": "",
  "x-dead-letter-routing-key": "dead",
};

/** The queues `in`, of this kind, `out`, to which no alert leads yet, and `dead`. */
async function declared(kind: QueueArguments): Promise<BrokerClient> {
  const own = await brokerClient(broker.url);
  await own.queue("dead");
  await own.queue("out");
  await own.queue("in", { arguments: kind });
  await own.channel.assertExchange("alerts", "topic", { durable: true });
  return own;
}

function env(more: Record<string, string> = {}, port = broker.port): Record<string, string> {
  return {
    AMQP_CONNECTION: `amqp://guest:guest@127.0.0.1:${port}/`,
    AMQP_QUEUE: "in",
    SINK_TYPE: "amqp",
    SINK_AMQP_CONNECTION: broker.url,
    SINK_AMQP_EXCHANGE: "alerts",
    SINK_AMQP_ROUTING_KEY: "crash-loop",
    RESTART_COUNT: "2",
    ...more,
  };
}

async function consuming(more: Record<string, string> = {}, port = broker.port): Promise<Program> {
  const program = new Program({ env: env(more, port) });
  await program.logged("source amqp: consumes");
  return program;
}

/** The queues hold as many messages, those that are given out included. A quorum queue says so after a while. */
async function holding(counts: Record<string, number>): Promise<void> {
  await waitFor(`the queues to hold ${JSON.stringify(counts)}`, async () => {
    const listed = await broker.ctl("list_queues", "name", "messages");
    return Object.entries(counts).every(([queue, count]) =>
      new RegExp(`^${queue}\\s+${count}$`, "m").test(listed)
    );
  }, { everyMs: 200, timeoutMs: 30_000 });
}

/** The log's lines with this beginning, without times. */
function said({ stderr }: { stderr: string }, beginning: string): string[] {
  return stderr.split("\n").map((line) => line.replace(/^\S+ /, "")).filter((line) =>
    line.startsWith(beginning)
  );
}

const again = (deliveries: number, when: string) =>
  `warning source amqp: queue "in": redelivers messages with pending alerts (x-delivery-count ${deliveries}); at its ` +
  "delivery-limit, 20 by default since RabbitMQ 4, it would drop or dead-letter them, so they are acknowledged " +
  `${when}. Set STATE=sqlite:<file>, which keeps alerts on disk and holds no message back`;
const letGo =
  'warning source amqp: queue "in": acknowledged messages with pending alerts, before the delivery-limit drops them; ' +
  "1 alerts are pending in memory only: they are sent when the sink recovers, and lost if the program ends before that";

Deno.test("a quorum queue with delivery-limit 3 and acknowledgement timeouts: none is dropped, the alert arrives", async () => {
  const set = (timeout: number, tick: number) =>
    broker.ctl(
      "eval",
      `application:set_env(rabbit, consumer_timeout, ${timeout}), application:set_env(rabbit, channel_tick_interval, ${tick}).`,
    );
  await using own = await declared(limited);
  await set(2000, 200);
  try {
    await using program = await consuming();
    await own.put("in", restarts(2));
    await program.logged("acknowledged messages with pending alerts", 30_000);
    await holding({ in: 0, dead: 0 });
    assert.deepEqual(said(program, 'warning source amqp: queue "in"'), [
      again(1, "in 1s at the latest"),
      letGo,
    ]);
    await own.channel.bindQueue("out", "alerts", "crash-loop");
    await own.take("out", 1);
    await program.logged("sink amqp: recovered after");
    await holding({ in: 0, dead: 0, out: 0 });
    program.signal("SIGTERM");
    assert.equal((await program.ended).code, 0);
  } finally {
    await set(1_800_000, 60_000);
  }
});

Deno.test("a quorum queue with delivery-limit 3 and connections that are lost: none is dropped, the alert arrives", async () => {
  {
    await using own = await declared(limited);
    await own.put("in", restarts(2));
  }
  await using program = await consuming();
  await program.logged("has no queue for the routing key");
  for (let lost = 1; lost <= 3; lost++) {
    await broker.ctl("close_all_connections", "--vhost", "/", "test closes it");
    await waitFor(
      "the source to be back",
      () => said(program, "info source amqp: recovered").length === lost,
      { timeoutMs: 30_000 },
    );
    if (lost === 1) await program.logged(again(1, "in 1m at the latest"));
    else await program.logged(letGo);
  }
  await using own = await brokerClient(broker.url);
  await own.channel.bindQueue("out", "alerts", "crash-loop");
  await own.take("out", 1);
  await holding({ in: 0, dead: 0, out: 0 });
  assert.deepEqual(said(program, 'warning source amqp: queue "in"'), [
    again(1, "in 1m at the latest"),
    letGo,
  ]);
});

Deno.test("a classic queue: what waits for a sink is held through lost connections, and nothing is said of limits", async () => {
  {
    await using own = await declared({});
    await own.put("in", restarts(1));
  }
  await using program = await consuming({ RESTART_COUNT: "1" });
  await program.logged("has no queue for the routing key");
  for (let lost = 1; lost <= 3; lost++) {
    await broker.ctl("close_all_connections", "--vhost", "/", "test closes it");
    await waitFor(
      "the source to be back",
      () => said(program, "info source amqp: recovered").length === lost,
      { timeoutMs: 30_000 },
    );
  }
  await holding({ in: 1 });
  assert.deepEqual(said(program, 'warning source amqp: queue "in"'), []);
});

const others: readonly (readonly [what: string, kind: QueueArguments])[] = [
  ["quorum", quorum],
  ["with dead letters and a TTL", { "x-dead-letter-exchange": "", "x-message-ttl": 3_600_000 }],
];
for (const [what, kind] of others) {
  Deno.test(`AMQP_DECLARE with a queue that exists ${what}: it is bound and consumed as it is`, async () => {
    await using own = await declared(kind);
    await own.channel.assertExchange("direct", "direct", { durable: true });
    await own.channel.bindQueue("out", "alerts", "crash-loop");
    await using program = await consuming({ AMQP_DECLARE: "true", AMQP_EXCHANGE: "direct" });
    await own.publish("direct", "allocations", restarts(2));
    await own.take("out", 1);
    assert.deepEqual(said(program, "warning"), []);
  });
}

const kinds: readonly (readonly [kind: QueueArguments, found: string])[] = [
  [{}, "it is a classic queue"],
  [others[1]![1], "it is a classic queue"],
  [quorum, "it is a quorum queue without a delivery-limit, unless a policy sets one"],
  [limited, "it is a quorum queue with the delivery-limit 3, or less by a policy"],
];

Deno.test("check says what kind of queue it found, and its delivery-limit", async () => {
  for (const [kind, found] of kinds) {
    await using own = await declared(kind);
    await own.put("in", ["{}"]);
    for (const declare of ["true", "false"]) {
      const { code, stdout } = await run({ args: ["check"], env: env({ AMQP_DECLARE: declare }) });
      assert.deepEqual([code, stdout.split("\n")[0]], [
        0,
        `ok      source: amqp://guest:***@127.0.0.1:${broker.port}/: connected, queue "in" exists with 1 messages ready ` +
        `and 0 consumers; ${found}`,
      ]);
    }
    assert.equal(await own.ready("in"), 1);
  }
});

Deno.test("check of a queue whose kind the user may not see, or that is not durable, says so", async () => {
  await using own = await declared(quorum);
  const user = env({ AMQP_CONNECTION: broker.url.replace("guest:guest", "detector:right") });
  const { stdout } = await run({ args: ["check"], env: user });
  assert.match(
    stdout,
    /^ok {6}source: .* exists with 0 messages ready and 0 consumers; its type and delivery-limit are hidden from this user, who has no permission configure for it\n/,
  );
  await own.queue("in", { durable: false, autoDelete: true });
  const { stdout: temporary } = await run({ args: ["check"], env: env() });
  assert.match(temporary, /and 0 consumers; it is a classic queue\n/);
});

const stream =
  'queue "in" is a stream, from which messages cannot be taken; bind a classic or a quorum queue to the same exchange ' +
  "and name it with AMQP_QUEUE (--amqp-queue)";

Deno.test("a stream is refused, by check and at the first message", async () => {
  await using own = await declared({ "x-queue-type": "stream" });
  const { code, stdout } = await run({ args: ["check"], env: env() });
  assert.deepEqual([code, stdout.split("\n")[0]], [1, `failed  source: ${stream}`]);
  await using program = await consuming();
  await own.put("in", restarts(1));
  assert.equal((await program.ended).code, 1);
  assert.deepEqual(said(program, "error"), [`error source amqp: ${stream}`]);
});

Deno.test("a user who may not look, as since RabbitMQ 4.3: it consumes and notifies all the same", async () => {
  await using own = await declared(quorum);
  await own.channel.bindQueue("out", "alerts", "crash-loop");
  await using peer = await startPeer(broker.port, true);
  const hidden = env({
    AMQP_DECLARE: "true",
    AMQP_EXCHANGE: "alerts",
    SINK_AMQP_CONNECTION: `amqp://guest:guest@127.0.0.1:${peer.port}/`,
  }, peer.port);
  const where = `amqp://guest:***@127.0.0.1:${peer.port}/`;
  const { code, stdout } = await run({ args: ["check"], env: hidden });
  assert.deepEqual([code, stdout], [
    0,
    `ok      source: ${where}: connected, whether queue "in" exists is hidden from this user, who has no permission ` +
    "configure for it; consuming it will show\n" +
    `ok      sink amqp: ${where}: connected; whether exchange "alerts" exists is hidden from this user, who has no ` +
    "permission configure for it; the first alert will show\n",
  ]);
  await using program = new Program({ env: hidden });
  await program.logged("source amqp: consumes");
  await own.publish("alerts", "allocations", restarts(2));
  await own.take("out", 1);
  assert.deepEqual(said(program, "warning"), []);
  await own.channel.deleteQueue("in");
  await program.logged(
    `source amqp: RabbitMQ cancelled the consumption of queue "in"; it was deleted, or an acknowledgement took longer ` +
      "than its consumer timeout; retrying\n",
  );
  await program.logged(
    `source amqp: still failing: queue "in" does not exist at ${where}; create it, or grant the user the ` +
      "permission configure\n",
  );
});

Deno.test("a consumer that is cancelled though its queue is there, as since RabbitMQ 4.3: said so, and consumed again", async () => {
  await using own = await declared(quorum);
  await own.channel.bindQueue("out", "alerts", "crash-loop");
  await using peer = await startPeer(broker.port, false);
  await using program = await consuming({}, peer.port);
  peer.cancelConsumers();
  await program.logged(
    'source amqp: RabbitMQ cancelled the consumption of queue "in", which is there; an acknowledgement took longer ' +
      "than its consumer timeout, or the queue was moved or recreated; retrying\n",
  );
  await program.logged("source amqp: recovered after");
  await own.put("in", restarts(2));
  await own.take("out", 1);
});
