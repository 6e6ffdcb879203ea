// The program against a real RabbitMQ: the original's example, and the faults that the original dies of.
import assert from "node:assert/strict";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { Program, run } from "../helpers/program.ts";
import { type RabbitMq, restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { now, restarts, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const example = {
  exchange: "nomad",
  in: "nomad.crash-loop-in",
  out: "nomad.crash-loop-out",
};

/** The broker as the original's README sets it up, with a way to dead letters. */
async function exampleBroker(): Promise<BrokerClient> {
  const own = await brokerClient(broker.url);
  const { channel } = own;
  await channel.assertExchange(example.exchange, "topic", { durable: true });
  await own.queue("rejected");
  await own.queue(example.in, {
    arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "rejected" },
  });
  await channel.bindQueue(example.in, example.exchange, "allocations");
  await own.queue(example.out);
  await channel.bindQueue(example.out, example.exchange, "crash-loop");
  return own;
}

/** The environment of the original's README. */
function exampleEnv(more: Record<string, string> = {}): Record<string, string> {
  return {
    AMQP_CONNECTION: broker.url,
    AMQP_QUEUE: example.in,
    SINK_TYPE: "amqp",
    SINK_AMQP_CONNECTION: broker.url,
    SINK_AMQP_EXCHANGE: example.exchange,
    SINK_AMQP_ROUTING_KEY: "crash-loop",
    RESTART_COUNT: "2",
    RESTART_INTERVAL: "5m",
    NOTIFICATION_INTERVAL: "5m",
    ...more,
  };
}

async function consuming(env: Record<string, string> = exampleEnv()): Promise<Program> {
  const program = new Program({ env });
  await program.logged("source amqp: consumes");
  return program;
}

/** Everything that was put in is acknowledged. */
async function emptied(own: BrokerClient): Promise<void> {
  await waitFor("all messages to be acknowledged", async () => {
    const queues = await broker.ctl("list_queues", "name", "messages", "--quiet");
    return new RegExp(`^${example.in}\\s+0$`, "m").test(queues);
  }, { everyMs: 100, timeoutMs: 60_000 });
  assert.equal(await own.ready(example.in), 0);
}

Deno.test("two restarts now → one alert in the out queue within a second, equal to what stdout prints", async () => {
  await using own = await exampleBroker();
  await using program = await consuming(exampleEnv({ SINK_TYPE: "amqp,stdout" }));
  const sent = restarts(2);
  await own.publish(example.exchange, "allocations", sent);
  const [alert] = await own.take(example.out, 1, 1000);
  assert.equal(alert!.content.toString() + "\n", program.stdout);
  assert.equal(
    JSON.stringify(JSON.parse(alert!.content.toString()).LastEvent),
    JSON.stringify(JSON.parse(sent[1]!)),
  );
  assert.match(alert!.properties.messageId, /^[0-9a-f]{32}$/);
  assert.equal(alert!.properties.contentType, "application/json");
  assert.equal(alert!.properties.deliveryMode, 2);
  await emptied(own);
});

Deno.test("with AMQP_DECLARE the program makes exchange, queue and binding itself", async () => {
  await using own = await exampleBroker();
  await own.channel.deleteQueue(example.in);
  await using program = await consuming(exampleEnv({ AMQP_DECLARE: "true", SINK_TYPE: "stdout" }));
  await own.publish(example.exchange, "allocations", restarts(2));
  await waitFor("the alert", () => program.lines.length === 1);
});

Deno.test("bad messages are rejected one by one, counted, logged with a reason, and good ones go on", async () => {
  await using own = await exampleBroker();
  await using program = await consuming();
  const good = restarts(2);
  const bad: Record<string, string> = {
    "not json": "not JSON",
    "{}": "no Name",
    "null": "not a JSON object",
    "[]": "not a JSON object",
    "": "empty",
    '{"Name":"a","TaskEvent":null}': "no TaskEvent",
    '{"Name":"a","TaskEvent":{"Type":"Restarting","Time":"1"}}': "TaskEvent.Time is not a number",
    '{"Name":"a","TaskEvent":{"Type":"Restarting","Time":1.5}}':
      "TaskEvent.Time is not a whole number of 64 bits",
  };
  await own.put(example.in, [good[0]!, ...Object.keys(bad), good[1]!]);
  await own.take(example.out, 1);
  const rejected = await own.take("rejected", Object.keys(bad).length);
  assert.deepEqual(rejected.map(({ content }) => content.toString()), Object.keys(bad));
  await emptied(own);
  for (const [message, reason] of Object.entries(bad)) {
    assert.ok(
      program.stderr.includes(`of queue ${example.in}: ${reason}: ${message}\n`),
      `${reason} in ${program.stderr}`,
    );
  }
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0);
  assert.match(stderr, /10 messages: 2 restarts, .* 8 rejected\. 1 alerts/);
});

Deno.test("the same event five times counts once", async () => {
  await using own = await exampleBroker();
  await using program = await consuming(exampleEnv({ RESTART_COUNT: "5", LOG_LEVEL: "debug" }));
  await own.put(example.in, Array(5).fill(update()));
  await emptied(own);
  assert.equal(program.stderr.match(/duplicate/g)?.length, 4);
  assert.equal(await own.ready(example.out), 0);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} in a backlog loses no message: all are acknowledged or in the queue again`, async () => {
    await using own = await exampleBroker();
    const total = 30_000;
    const notified = 300;
    const messages = Array.from({ length: total }, (_, index) => {
      const name = `job.group[${index % notified}]`;
      return update({ name, type: index < total - 2 * notified ? "Started" : "Restarting" });
    });
    await own.put(example.in, messages);
    {
      await using program = await consuming();
      program.signal(signal);
      const { code, stderr } = await program.ended;
      assert.equal(code, 0, stderr);
    }
    const left = await own.ready(example.in);
    assert.ok(left < total, "it consumed some");
    await using program = await consuming();
    await own.take(example.out, notified, 30_000);
    await emptied(own);
    program.signal(signal);
    const { stderr } = await program.ended;
    assert.ok(stderr.includes(` ${left} messages: `), `${left} were left, and it says:\n${stderr}`);
    assert.equal(await own.ready(example.out), 0, "no alert twice");
  });
}

Deno.test("SIGTERM with a loop just completed: the loop is notified, exit 0", async () => {
  await using own = await exampleBroker();
  await using program = await consuming();
  await own.put(example.in, restarts(2));
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  const inQueue = await own.ready(example.in);
  assert.equal(await own.ready(example.out), inQueue === 0 ? 1 : 0, `${inQueue} left; ${stderr}`);
});

Deno.test("SIGTERM while the sink is down: it waits for SHUTDOWN_TIMEOUT, exit 1, the message stays", async () => {
  await using own = await exampleBroker();
  await own.channel.deleteQueue(example.out);
  await using program = await consuming(exampleEnv({ SHUTDOWN_TIMEOUT: "300ms" }));
  const [first, second] = restarts(2);
  await own.put(example.in, [first!]);
  await emptied(own);
  await own.put(example.in, [second!]);
  await program.logged("has no queue for the routing key");
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Shutdown timed out after 300ms with 1 unconfirmed alerts; they are lost: RabbitMQ redelivers only messages that were not acknowledged, not the restarts before them\. STATE=sqlite:<file> keeps all\n$/,
  );
  assert.match(
    stderr,
    / info State memory: on exit, restarts whose messages are acknowledged and alerts that no sink has confirmed are lost; STATE=sqlite:<file> keeps both\n/,
  );
  const [back] = await own.take(example.in, 1);
  assert.equal(back!.content.toString(), second);
});

Deno.test("SIGTERM while the sink is down, which comes back in time: it is tried until then, and notified", async () => {
  await using own = await exampleBroker();
  await own.channel.unbindQueue(example.out, example.exchange, "crash-loop");
  await using program = await consuming(exampleEnv({ SHUTDOWN_TIMEOUT: "1m", LOG_LEVEL: "debug" }));
  const [first, second] = restarts(2);
  await own.put(example.in, [first!]);
  await emptied(own);
  await own.put(example.in, [second!]);
  await program.logged("has no queue for the routing key");
  program.signal("SIGTERM");
  await own.channel.bindQueue(example.out, example.exchange, "crash-loop");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  await own.take(example.out, 1);
  assert.equal(await own.ready(example.in), 0);
});

Deno.test("with a state file nothing is said of what ends with the memory", async () => {
  await using _own = await exampleBroker();
  const folder = await Deno.makeTempDir();
  try {
    await using program = await consuming(exampleEnv({ STATE: `sqlite:${folder}/state.db` }));
    program.signal("SIGTERM");
    const { code, stderr } = await program.ended;
    assert.equal(code, 0, stderr);
    assert.ok(!stderr.includes("State memory"), stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a second signal ends at once", async () => {
  await using own = await exampleBroker();
  await own.channel.deleteQueue(example.out);
  await using program = await consuming(exampleEnv({ SHUTDOWN_TIMEOUT: "1h" }));
  await own.put(example.in, restarts(2));
  await program.logged("has no queue for the routing key");
  program.signal("SIGTERM");
  await waitFor(
    "the first signal to end the consumption",
    async () => (await own.channel.checkQueue(example.in)).consumerCount === 0,
  );
  program.signal("SIGTERM");
  assert.equal((await program.ended).code, 143);
});

Deno.test("nothing bound to the routing key: the alert is kept, the fault logged once, and it arrives when a queue is bound", async () => {
  await using own = await exampleBroker();
  await own.channel.unbindQueue(example.out, example.exchange, "crash-loop");
  await using program = await consuming();
  await own.put(example.in, restarts(2));
  await program.logged(
    'sink amqp: exchange "nomad" has no queue for the routing key "crash-loop"; bind one to it; retrying',
  );
  await own.channel.bindQueue(example.out, example.exchange, "crash-loop");
  await own.take(example.out, 1);
  await program.logged("sink amqp: recovered after");
  await emptied(own);
  assert.equal(program.stderr.match(/has no queue/g)?.length, 1, program.stderr);
});

Deno.test("sink exchange missing: the alert is kept, the fault logged once, and it arrives when the exchange is there", async () => {
  await using own = await exampleBroker();
  await own.channel.deleteExchange("alerts");
  await using program = await consuming(exampleEnv({ SINK_AMQP_EXCHANGE: "alerts" }));
  await own.put(example.in, restarts(2));
  await program.logged('sink amqp: exchange "alerts" does not exist at amqp://guest:***@127.0.0.1:');
  await own.channel.assertExchange("alerts", "topic");
  await own.channel.bindQueue(example.out, "alerts", "crash-loop");
  await own.take(example.out, 1);
  await program.logged("sink amqp: recovered after");
  await emptied(own);
  assert.equal(program.stderr.match(/does not exist/g)?.length, 1, program.stderr);
});

Deno.test("the sink's connection is closed by the broker: the next alert arrives all the same", async () => {
  await using _own = await exampleBroker();
  await using program = await consuming();
  await broker.ctl("close_all_connections", "--vhost", "/", "test closes it");
  await program.logged("sink amqp: recovered after");
  await program.logged("source amqp: recovered after");
  await using again = await brokerClient(broker.url);
  await again.put(example.in, restarts(2));
  await again.take(example.out, 1);
});

Deno.test("one sink that is down does not stop alerts to the others", async () => {
  await using own = await exampleBroker();
  await own.channel.deleteQueue(example.out);
  await using program = await consuming(exampleEnv({ SINK_TYPE: "amqp,stdout" }));
  await own.put(example.in, [...restarts(2), ...restarts(2, { name: "other.group[0]" })]);
  await waitFor("both alerts on stdout", () => program.lines.length === 2);
});

Deno.test("queue missing: a clear error that names it; created later, it is consumed", async () => {
  await using own = await exampleBroker();
  await own.channel.deleteQueue(example.in);
  await using program = new Program({ env: exampleEnv() });
  await program.logged(
    'source amqp: queue "nomad.crash-loop-in" does not exist at amqp://guest:***@127.0.0.1:',
  );
  await own.queue(example.in);
  await own.put(example.in, restarts(2));
  await own.take(example.out, 1);
});

Deno.test("input queue deleted while it is consumed: said, and consumed again once it is there", async () => {
  await using own = await exampleBroker();
  await using program = await consuming();
  await own.channel.deleteQueue(example.in);
  await program.logged('source amqp: queue "nomad.crash-loop-in" was deleted; retrying');
  await own.queue(example.in);
  await program.logged("source amqp: recovered after");
  await own.put(example.in, restarts(2));
  await own.take(example.out, 1);
});

Deno.test("wrong password and unknown virtual host: one clear line without the password, exit 1", async () => {
  await using _own = await exampleBroker();
  const wrongPassword = broker.url.replace("guest:guest", "guest:s3cret");
  const wrongHost = `${broker.url}/nowhere`;
  for (
    const [env, expected] of [
      [
        { AMQP_CONNECTION: wrongPassword },
        /error source amqp: amqp:\/\/guest:\*\*\*@\S+ refused user and password; correct them in the URL\n$/,
      ],
      [
        { SINK_AMQP_CONNECTION: wrongPassword },
        /error sink amqp: amqp:\/\/guest:\*\*\*@\S+ refused user and password/,
      ],
      [
        { AMQP_CONNECTION: wrongHost },
        /error source amqp: amqp:\/\/\S+ refused the virtual host: it does not exist, or the user may not use it/,
      ],
    ] as const
  ) {
    const { code, stderr } = await run({ env: exampleEnv(env) });
    assert.equal(code, 1, stderr);
    assert.match(stderr, expected);
    assert.ok(!stderr.includes("s3cret"));
  }
});

Deno.test(
  "broker down at start: it keeps trying, says so, and consumes when the broker is up",
  restartsBroker,
  async () => {
    await using _own = await exampleBroker();
    await broker.stop();
    await using program = new Program({ env: exampleEnv() });
    await program.logged("sink amqp: amqp://guest:***@127.0.0.1:");
    await program.logged("source amqp: amqp://guest:***@127.0.0.1:");
    assert.match(program.stderr, /ECONNREFUSED/);
    await broker.start();
    await program.logged("source amqp: consumes");
    await using again = await brokerClient(broker.url);
    await again.put(example.in, restarts(2));
    await again.take(example.out, 1);
  },
);

Deno.test(
  "broker killed and started, frozen and thawed: consumed again, nothing lost, nothing notified twice",
  restartsBroker,
  async () => {
    await using _own = await exampleBroker();
    await using program = await consuming();
    await broker.kill();
    await program.logged("source amqp: ");
    await broker.start();
    await program.logged("source amqp: recovered after");
    broker.freeze();
    await program.logged("sink amqp: amqp://", 40_000);
    await waitFor("the source to notice", () => program.stderr.match(/source amqp: amqp/g)?.length === 2, {
      timeoutMs: 40_000,
    });
    broker.thaw();
    await waitFor(
      "the source to be back",
      () => program.stderr.match(/source amqp: recovered/g)?.length === 2,
      { timeoutMs: 30_000 },
    );
    await using again = await brokerClient(broker.url);
    const time = now();
    await again.put(example.in, restarts(2, { time }));
    await again.take(example.out, 1);
    await again.put(example.in, restarts(2, { time }));
    await emptied(again);
    assert.equal(await again.ready(example.out), 0);
  },
);

Deno.test("NOTIFICATION_INTERVAL=1s: notified every second while it loops, at most once after a fall and a rise", async () => {
  await using own = await exampleBroker();
  await using program = await consuming(
    exampleEnv({ SINK_TYPE: "stdout", NOTIFICATION_INTERVAL: "1s", RESTART_INTERVAL: "2500ms" }),
  );
  await own.put(example.in, restarts(2));
  await program.logged("no longer restarts that often");
  const notified = [
    ...program.stderr.matchAll(/^(\S+) info job\.group\[0\]: (?:crash loop|still crash-looping)/gm),
  ]
    .map((
      [, at],
    ) => Date.parse(at!));
  assert.equal(notified.length, 3, program.stderr);
  for (const index of [1, 2]) {
    const gap = notified[index]! - notified[index - 1]!;
    assert.ok(gap >= 900 && gap < 2000, `notified after ${gap} ms`);
  }
  assert.equal(new Set(program.lines).size, 1, "EventLog and LastEvent are the same three times");
});
