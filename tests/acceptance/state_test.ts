// The program with a state file against a real RabbitMQ: killed and started again, with a full disk, with a sink
// that is down. No message is acknowledged before its effects are in the file.
import assert from "node:assert/strict";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { Program, run } from "../helpers/program.ts";
import { startProxy } from "../helpers/proxy.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { type StateFolder, stateFolderOnDisk } from "../helpers/state_files.ts";
import { smallDisk } from "../helpers/tmpfs.ts";
import { totalsOf } from "../helpers/totals.ts";
import { now, restarts, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const queue = "updates";

/** A hand at the broker, and the queue of updates, empty. */
async function atBroker(): Promise<BrokerClient> {
  const own = await brokerClient(broker.url);
  await own.queue(queue);
  return own;
}

/** A program that consumes, with its state in this file. It notifies loops of two restarts on stdout. */
async function consuming(file: string, env: Record<string, string> = {}): Promise<Program> {
  const program = new Program({
    env: {
      AMQP_CONNECTION: broker.url,
      AMQP_QUEUE: queue,
      SINK_TYPE: "stdout",
      STATE: `sqlite:${file}`,
      RESTART_COUNT: "2",
      ...env,
    },
  });
  await program.logged("source amqp: consumes");
  return program;
}

/** How many messages of the queue are ready, and how many are delivered and not acknowledged. */
async function messages(): Promise<{ ready: number; unacknowledged: number }> {
  const list = await broker.ctl("list_queues", "name", "messages_ready", "messages_unacknowledged");
  const [, ready, unacknowledged] = new RegExp(`^${queue}\\s+(\\d+)\\s+(\\d+)$`, "m").exec(list)!;
  return { ready: Number(ready), unacknowledged: Number(unacknowledged) };
}

async function acknowledged(): Promise<void> {
  await waitFor("all messages to be acknowledged", async () => {
    const { ready, unacknowledged } = await messages();
    return ready + unacknowledged === 0;
  }, { timeoutMs: 30_000 });
}

async function killed(program: Program): Promise<void> {
  program.signal("SIGKILL");
  await program.ended;
}

/** Ends it in an orderly way. Yields its totals. */
async function stopped(program: Program): Promise<ReturnType<typeof totalsOf>> {
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  return totalsOf(stderr);
}

/** The names that were notified on stdout. */
function notified(program: Program): string[] {
  return program.lines.map((line) => JSON.parse(line).LastEvent.Name);
}

/** What is in the state file, from a copy as a killed process leaves it. */
async function kept(folder: StateFolder): Promise<{ restarts: number; notified: number; alerts: number }> {
  await using store = new SqliteStore(folder.copy(), { sinks: ["stdout"], newerReplaces: true });
  return {
    restarts: [...store.kept.restarts()].length,
    notified: [...store.kept.notified()].length,
    alerts: store.outbox("stdout").size,
  };
}

Deno.test("restarted between two restarts of a loop: found", async () => {
  using folder = stateFolderOnDisk();
  await using own = await atBroker();
  for (const end of [stopped, killed]) {
    const name = `${end.name}.group[0]`;
    {
      await using program = await consuming(folder.file);
      await own.put(queue, [update({ name, time: now() })]);
      await acknowledged();
      await end(program);
    }
    await using program = await consuming(folder.file);
    await own.put(queue, [update({ name, time: now() })]);
    await waitFor("the alert", () => program.lines.length === 1);
    assert.deepEqual(notified(program), [name]);
  }
});

Deno.test("restarted after a notification: not repeated before NOTIFICATION_INTERVAL is over, then repeated on time", async () => {
  using folder = stateFolderOnDisk();
  await using own = await atBroker();
  const env = { NOTIFICATION_INTERVAL: "4s" };
  const started = performance.now();
  {
    await using program = await consuming(folder.file, env);
    await own.put(queue, restarts(2));
    await waitFor("the alert", () => program.lines.length === 1);
    await acknowledged();
    await killed(program);
  }
  await using program = await consuming(folder.file, env);
  await own.put(queue, [update()]);
  await acknowledged();
  const early = performance.now() - started < 4_000; // on a slow machine it may be due already
  if (early) assert.deepEqual(program.lines, []);
  await program.logged("still crash-looping, 3 restarts");
  assert.equal(program.stderr.match(/crash loop/g), null);
  await waitFor("the repeat", () => program.lines.length === 1);
});

Deno.test("killed in a backlog: every message is in the queue or its effects are in the file", async () => {
  await using own = await atBroker();
  const names = Array.from({ length: 4_000 }, (_, index) => `job.group[${index}]`);
  const time = now();
  const all = [0n, 1n].flatMap((index) => names.map((name) => update({ name, time: time + index })));
  using folder = stateFolderOnDisk();
  await own.put(queue, all);
  const seen: string[] = [];
  for (let round = 0; round < 3; round++) {
    await using program = await consuming(folder.file);
    await waitFor("some to be notified", () => program.lines.length > 0 || round === 0);
    await killed(program);
    seen.push(...program.lines);
    const left = await waitFor("the broker to notice", async () => {
      const { ready, unacknowledged } = await messages();
      return unacknowledged === 0 && { ready };
    });
    const { restarts } = await kept(folder);
    assert.ok(restarts + left.ready >= all.length, `${restarts} in the file, ${left.ready} in the queue`);
  }
  await using program = await consuming(folder.file);
  await acknowledged();
  await waitFor("all to be notified", () => new Set([...seen, ...program.lines]).size >= names.length, {
    timeoutMs: 30_000,
  });
  // Notified again is only what stdout had and the file did not know yet, as the very same line.
  assert.equal(new Set([...seen, ...program.lines]).size, names.length);
  assert.equal((await kept(folder)).restarts, all.length);
});

Deno.test("killed between commit and acknowledgement: what comes again is known, and nothing is notified twice", async () => {
  using folder = stateFolderOnDisk();
  await using own = await atBroker();
  await using proxy = await startProxy(broker.port);
  {
    const through = broker.url.replace(`:${broker.port}`, `:${proxy.port}`);
    await using program = await consuming(folder.file, { AMQP_CONNECTION: through });
    proxy.mute(); // the broker does not hear of acknowledgements any more
    await own.put(queue, restarts(2));
    await waitFor("the alert", () => program.lines.length === 1);
    await waitFor("all to be in the file", async () => {
      const { restarts, notified, alerts } = await kept(folder);
      return restarts === 2 && notified === 1 && alerts === 0;
    });
    assert.deepEqual(await messages(), { ready: 0, unacknowledged: 2 });
    await killed(program);
    await proxy.cut();
  }
  await waitFor("the messages to be in the queue again", async () => await own.ready(queue) === 2);
  await using program = await consuming(folder.file);
  await acknowledged();
  const { messages: came, duplicates, alerts } = await stopped(program);
  assert.deepEqual([came, duplicates, alerts, program.stdout], [2, 2, 0, ""]);
});

Deno.test("killed before the commit: no message is acknowledged, none is notified; all come again and are notified once", async () => {
  await using own = await atBroker();
  await using disk = await smallDisk(1 << 20);
  const file = `${disk.path}/state.db`;
  const names = Array.from({ length: 100 }, (_, index) => `job.group[${index}]`);
  {
    await using program = await consuming(file);
    disk.fill();
    await own.put(queue, names.flatMap((name) => restarts(2, { name })));
    await program.logged("crash loop, 2 restarts"); // the rule knows, the file cannot
    await program.logged("the disk is full");
    await waitFor("all to be delivered", async () => (await messages()).unacknowledged === 200);
    assert.equal(program.stdout, "");
    await killed(program);
  }
  await waitFor("the messages to be in the queue again", async () => await own.ready(queue) === 200);
  disk.free();
  await using program = await consuming(file);
  await acknowledged();
  await waitFor("the alerts", () => program.lines.length === 100);
  const { messages: came, duplicates } = await stopped(program);
  assert.deepEqual([came, duplicates], [200, 0]);
  assert.deepEqual(notified(program).sort(), names.sort());
});

Deno.test("the disk fills while it runs: it says so once, acknowledges and notifies nothing, and resumes when there is room", async () => {
  await using own = await atBroker();
  await using disk = await smallDisk(1 << 20);
  const file = `${disk.path}/state.db`;
  await using program = await consuming(file);
  await own.put(queue, restarts(2, { name: "before" }));
  await waitFor("the alert", () => program.lines.length === 1);
  await acknowledged();
  disk.fill();
  for (const name of ["amid", "amid too"]) {
    await own.put(queue, restarts(2, { name }));
    await program.logged(`${name}: crash loop`);
  }
  await program.logged(
    `warning state: cannot use the state file ${JSON.stringify(file)}: the disk is full; make room; retrying`,
  );
  await own.put(queue, Array.from({ length: 600 }, () => update({ name: "amid", type: "Started" })));
  await waitFor("all to be delivered", async () => (await messages()).unacknowledged === 604);
  assert.deepEqual(notified(program), ["before"]);
  disk.free();
  await program.logged("info state: recovered after");
  await acknowledged();
  await waitFor("the alerts", () => program.lines.length === 3);
  await own.put(queue, restarts(2, { name: "after" }));
  await waitFor("the alert", () => program.lines.length === 4);
  await acknowledged();
  const { messages: came, alerts } = await stopped(program);
  assert.deepEqual([came, alerts], [608, 4]);
  assert.deepEqual(notified(program), ["before", "amid", "amid too", "after"]);
  assert.equal(program.stderr.match(/ state: /g)?.length, 2, program.stderr);
});

Deno.test("stopped while the disk is full: it waits for SHUTDOWN_TIMEOUT, exit 1, and the messages stay", async () => {
  await using own = await atBroker();
  await using disk = await smallDisk(1 << 20);
  await using program = await consuming(`${disk.path}/state.db`, { SHUTDOWN_TIMEOUT: "500ms" });
  disk.fill();
  await own.put(queue, restarts(2));
  await program.logged("the disk is full");
  program.signal("SIGTERM");
  const { code, stdout } = await program.ended;
  assert.deepEqual([code, stdout], [1, ""]);
  await waitFor("the messages to be in the queue again", async () => await own.ready(queue) === 2);
});

Deno.test("a sink that is down holds back no message; killed meanwhile, its alerts arrive after the next start, once", async () => {
  using folder = stateFolderOnDisk();
  await using own = await atBroker();
  await own.channel.deleteQueue("alerts");
  const env = {
    SINK_TYPE: "stdout,amqp",
    SINK_AMQP_CONNECTION: broker.url,
    SINK_AMQP_EXCHANGE: "amq.topic",
    SINK_AMQP_ROUTING_KEY: "alerts",
  };
  const names = Array.from({ length: 300 }, (_, index) => `job.group[${index}]`);
  let lines: string[];
  {
    await using program = await consuming(folder.file, env);
    await own.put(queue, names.flatMap((name) => restarts(2, { name })));
    await acknowledged();
    await waitFor("all on stdout", () => program.lines.length === 300);
    await program.logged('exchange "amq.topic" has no queue for the routing key "alerts"');
    await waitFor("stdout's outbox to be empty", async () => (await kept(folder)).alerts === 0);
    await killed(program);
    lines = program.lines;
  }
  await own.queue("alerts");
  await own.channel.bindQueue("alerts", "amq.topic", "alerts");
  await using program = await consuming(folder.file, env);
  const arrived = await own.take("alerts", 300, 30_000);
  assert.deepEqual(arrived.map(({ content }) => content.toString()), lines);
  assert.equal(new Set(arrived.map(({ properties }) => properties.messageId)).size, 300);
  await stopped(program);
  assert.equal(await own.ready("alerts"), 0);
  assert.equal(program.stdout, "");
});

Deno.test("alerts for a sink that SINK_TYPE no longer names are said at the start, and kept", async () => {
  await using _own = await atBroker();
  using folder = stateFolderOnDisk();
  {
    await using store = new SqliteStore(folder.file, { sinks: ["kinesis"], newerReplaces: true });
    store.enqueue(alertAbout());
    store.commit(0n);
  }
  for (let start = 0; start < 2; start++) {
    await using program = await consuming(folder.file);
    assert.match(
      program.stderr,
      /warning State \S+: 1 pending alerts belong to sinks that SINK_TYPE no longer names\n/,
    );
  }
});

Deno.test("check tries the state file: one that can be used, one that can be created, one that cannot; it leaves none behind", async () => {
  using folder = stateFolderOnDisk();
  const checked = (file: string) =>
    run({ args: ["check", "--source-type", "stdin"], env: { STATE: `sqlite:${file}` } });
  const made = await checked(folder.file);
  assert.deepEqual([made.code, made.stdout.split("\n")[0]], [
    0,
    `ok      state: ${folder.file}: can be created`,
  ]);
  assert.throws(() => Deno.statSync(folder.file), Deno.errors.NotFound);
  {
    await using store = new SqliteStore(folder.file, { sinks: ["stdout"], newerReplaces: true });
    store.enqueue(alertAbout());
    store.commit(0n);
  }
  const used = await checked(folder.file);
  assert.deepEqual([used.code, used.stdout.split("\n")[0]], [
    0,
    `ok      state: ${folder.file}: can be used, 1 pending alerts in it`,
  ]);
  Deno.writeTextFileSync(folder.file, "something else\n");
  const refused = await checked(folder.file);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stdout,
    /^failed +state: cannot use the state file ".*": it is a file of another program; /,
  );
});

Deno.test("check ends at CONNECT_TIMEOUT, and when it is interrupted", async () => {
  await using proxy = await startProxy(broker.port);
  proxy.stall();
  const env = { AMQP_CONNECTION: `amqp://127.0.0.1:${proxy.port}/`, AMQP_QUEUE: queue };
  const timed = await run({ args: ["check"], env: { ...env, CONNECT_TIMEOUT: "300ms" } });
  assert.deepEqual([timed.code, timed.stdout.split("\n")[0]], [1, "failed  source: no answer within 300ms"]);
  await proxy.cut();
  await using program = new Program({ args: ["check"], env });
  await waitFor("the connection", () => proxy.connections > 0);
  program.signal("SIGTERM");
  const { code, stdout } = await program.ended;
  assert.deepEqual([code, stdout.split("\n")[0]], [1, "failed  source: interrupted"]);
});

Deno.test("check says of a missing queue that it will be declared, where AMQP_DECLARE is on", async () => {
  const env = { AMQP_CONNECTION: broker.url, AMQP_QUEUE: "no such queue", AMQP_DECLARE: "true" };
  const { code, stdout } = await run({ args: ["check"], env });
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^ok +source: \S+: connected, queue "no such queue" does not exist yet and will be declared\n/,
  );
});
