// Floods and rubbish, as no cluster in good health sends them: the program stays up, counts right, and says little.
import type { GetMessage } from "amqplib";
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { Program } from "../helpers/program.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { type Totals, totalsOf } from "../helpers/totals.ts";
import { now, restarts, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const queues = { updates: "floods.updates", dead: "floods.dead", alerts: "floods.alerts" };
/** What RabbitMQ takes at most, and one byte more than it does. */
const largest = 128 << 20;

async function declareQueues(own: BrokerClient): Promise<void> {
  await own.queue(queues.dead);
  await own.queue(queues.alerts);
  await own.queue(queues.updates, {
    arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queues.dead },
  });
}

function start(env: Record<string, string> = {}): Program {
  return new Program({
    env: { AMQP_CONNECTION: broker.url, AMQP_QUEUE: queues.updates, RESTART_COUNT: "2", ...env },
  });
}

const toQueue = {
  SINK_TYPE: "amqp",
  SINK_AMQP_EXCHANGE: "amq.direct",
  SINK_AMQP_ROUTING_KEY: queues.alerts,
};

async function put(own: BrokerClient, messages: readonly string[]): Promise<void> {
  for (let at = 0; at < messages.length; at += 5_000) {
    await own.put(queues.updates, messages.slice(at, at + 5_000));
  }
}

/**
 * Lets the program take all there is, and ends it; yields what it said of it. It must not have used more memory than
 * this, in MiB, which is a multiple of what it takes.
 */
async function finished(own: BrokerClient, program: Program, maxMiB = 500): Promise<Totals> {
  await program.logged("source amqp: consumes");
  let code: number | undefined;
  program.ended.then((end) => code = end.code);
  await waitFor("the queue to be empty", async () => {
    if (code !== undefined) throw new Error(`it ended with ${code}: ${program.stderr.slice(-2000)}`);
    return await own.ready(queues.updates) === 0;
  }, { timeoutMs: 60_000 });
  const used = peakMemory(program);
  assert.ok(used < maxMiB, `it used ${used} MiB`);
  program.signal("SIGTERM");
  assert.equal((await program.ended).code, 0, program.stderr.slice(-2000));
  return totalsOf(program.stderr);
}

function stateFile(): AsyncDisposable & { readonly path: string } {
  const directory = Deno.makeTempDirSync({ prefix: "floods-" });
  return {
    path: `${directory}/state.db`,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** The most memory that the program ever used, in MiB. */
function peakMemory(program: Program): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${program.pid}/status`))![1]) / 1024;
}

/** A restart of just so many bytes. */
function restartOf(bytes: number, name: string): string {
  const marker = "Task restarting in 1.2s";
  const small = update({ name });
  return small.replace(marker, () => "x".repeat(bytes - small.length + marker.length));
}

Deno.test("restarts of 100 MiB are counted and notified; an alert beyond the broker's limit is dropped, not retried", async () => {
  await using own = await brokerClient(broker.url);
  await declareQueues(own);
  await own.channel.bindQueue(queues.alerts, "amq.direct", queues.alerts);
  await using state = stateFile();
  await using program = start({
    ...toQueue,
    SINK_AMQP_CONNECTION: broker.url,
    STATE: `sqlite:${state.path}`,
  });
  await put(own, [update({ name: "large" }), restartOf(100 << 20, "large")]);
  await put(own, [update({ name: "largest" }), restartOf(largest, "largest")]);
  await put(own, restarts(2, { name: "small" }));
  await assert.rejects(
    async () => {
      await using other = await brokerClient(broker.url);
      await other.put(queues.dead, ["x".repeat(largest + 1)]);
    },
    /message size 134217729 is larger than configured max size 134217728|channel closed/,
    "this is the broker's limit",
  );
  // What is not confirmed when the broker closes the channel comes again, with the same id.
  const ids = new Map<string, string>();
  while (!ids.has("small")) {
    const [{ content, properties }] = await own.take(queues.alerts, 1, 60_000) as [GetMessage];
    const { Name } = JSON.parse(content.toString()).LastEvent;
    assert.equal(ids.get(Name) ?? properties.messageId, properties.messageId);
    ids.set(Name, properties.messageId);
  }
  assert.deepEqual([...ids.keys()].sort(), ["large", "small"]);
  await program.logged(" for largest: ");
  // A message that takes longer than the broker waits is delivered again, and counts once.
  const { events, duplicates, rejected, alerts: notified } = await finished(own, program, 4_000);
  assert.deepEqual({ counted: events - duplicates, rejected, notified }, {
    counted: 6,
    rejected: 0,
    notified: 3,
  });
  assert.match(
    program.stderr,
    /dropped alert [0-9a-f]{32} for largest: .*message size \d+ is larger than/,
  );
});

Deno.test("20,000 restarts of one name: the newest 10,000 are kept and notified, and the alert says so", async () => {
  await using own = await brokerClient(broker.url);
  await declareQueues(own);
  await using program = start({ NOTIFICATION_INTERVAL: "1s" });
  const time = now();
  await put(own, restarts(20_000, { time }));
  await waitFor("an alert with as many times as are kept", () => {
    const { EventLog: times, EventLogLimit: limit } = JSON.parse(program.lines.at(-1) ?? "{}");
    return limit === 10_000 && times.length === 10_000 && times[9_999] === rfc3339(time + 19_999n) &&
      times[0] === rfc3339(time + 10_000n);
  }, { timeoutMs: 30_000 });
  const { messages, events, duplicates } = await finished(own, program);
  assert.deepEqual({ messages, events, duplicates }, { messages: 20_000, events: 20_000, duplicates: 0 });
});

/** Names with what a terminal would obey, or a file could not hold. */
const names = [
  "\u0000",
  "a\u0000b",
  "\n2026-01-01T00:00:00Z error forged",
  "\r",
  "\u001b[31m",
  "\u007f",
  "\u009b31m",
  "\u2028",
  "\u202eabc",
  "\u2066",
  "__proto__",
  "constructor",
  "'; DROP TABLE restarts; --",
  "{name}",
  "%s $& $1",
  "\u{1f680}",
  "x".repeat(100_000),
];

for (const format of ["text", "json"]) {
  Deno.test(`names with control characters: never raw in logs (${format}) or alerts, and known again after a start`, async () => {
    await using own = await brokerClient(broker.url);
    await declareQueues(own);
    await using state = stateFile();
    const env = { STATE: `sqlite:${state.path}`, LOG_LEVEL: "debug", LOG_FORMAT: format };
    // Raw where JSON allows it.
    const sent = names.flatMap((name) => restarts(2, { name }));
    for (const duplicates of [0, sent.length]) {
      await using program = start(env);
      await put(own, sent);
      await put(own, names.map((name) => `{"Name":${JSON.stringify(name)}}`));
      const totals = await finished(own, program);
      assert.deepEqual(totals, {
        messages: sent.length + names.length,
        events: sent.length,
        duplicates,
        requested: 0,
        outsideWindow: 0,
        others: 0,
        rejected: names.length,
        alerts: duplicates === 0 ? names.length : 0,
      });
      for (const output of [program.stdout, program.stderr]) {
        assert.doesNotMatch(output, raw);
      }
      if (duplicates > 0) continue;
      assert.deepEqual(
        program.lines.map((line) => JSON.parse(line).LastEvent.Name).sort(),
        [...names].sort(),
      );
      assert.doesNotMatch(program.stderr, /^2026-01-01/m);
      assert.ok(program.stderr.split("\n").every((line) => line.length < 5_000), "lines are short");
    }
  });
}

// deno-lint-ignore no-control-regex -- control characters are what must not be there
const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

Deno.test("50,000 bad messages and nothing else: each is rejected, the count is exact, the log is short", async () => {
  await using own = await brokerClient(broker.url);
  await declareQueues(own);
  const kinds = ["", "\ufeff", "null", "{}", "x".repeat(2_000), "[".repeat(100_000), update().slice(0, -1)];
  await put(
    own,
    Array.from({ length: 50_000 }, (_, index) => kinds[index % 1_000] ?? `${index} is no update`),
  );
  await using program = start();
  const { messages, rejected } = await finished(own, program);
  assert.deepEqual({ messages, rejected }, { messages: 50_000, rejected: 50_000 });
  await waitFor("all dead letters", async () => await own.ready(queues.dead) === 50_000);
  const lines = program.stderr.trimEnd().split("\n");
  const single = lines.filter((line) => /warning Rejected message/.test(line)).length;
  const summed = [...program.stderr.matchAll(/warning Rejected (\d+) more messages$/gm)]
    .reduce((sum, [, count]) => sum + Number(count), 0);
  assert.equal(single + summed, 50_000);
  assert.ok(lines.length < 100, `${lines.length} lines`);
  assert.ok(program.stderr.length < 50_000, `${program.stderr.length} characters`);
});

Deno.test("times in the far past count never, those in the far future for twice the interval; all digits are kept", async () => {
  await using own = await brokerClient(broker.url);
  await declareQueues(own);
  await using program = start({ RESTART_INTERVAL: "1s", NOTIFICATION_INTERVAL: "1s", LOG_LEVEL: "debug" });
  const least = -(1n << 63n);
  const most = (1n << 63n) - 1n;
  const year = 365n * 86_400n * 1_000_000_000n;
  const past = [least, least + 1n, -1n, 0n, 1n, now() - 100n * year];
  const future = [now() + 100n * year, most - 1n, most];
  await put(own, past.map((time) => update({ name: "past", time })));
  await put(own, future.map((time) => update({ name: "future", time })));
  await put(own, [most + 1n, least - 1n].map((time) => update({ name: "no time", time })));
  await program.logged("future: resolved");
  const totals = await finished(own, program);
  assert.deepEqual(
    { events: totals.events, duplicates: totals.duplicates, rejected: totals.rejected },
    { events: 9, duplicates: 0, rejected: 2 },
  );
  assert.equal(program.stderr.match(/past: .*outside-window/g)?.length, past.length, program.stderr);
  assert.ok(program.lines.length > 0);
  for (const line of program.lines) assert.match(line, /^\{"LastEvent":\{"Name":"future"/);
  assert.deepEqual(JSON.parse(program.lines[0]!).EventLog, future.slice(0, 2).map(rfc3339));
});

Deno.test("100,000 names: each restart is counted and kept, each loop is notified", async () => {
  await using own = await brokerClient(broker.url);
  await declareQueues(own);
  await using state = stateFile();
  const env = { STATE: `sqlite:${state.path}`, RESTART_INTERVAL: "1h" };
  const count = 100_000;
  const loops = 1_000;
  await put(own, Array.from({ length: count }, (_, index) => update({ name: `job-${index}.group[0]` })));
  await put(
    own,
    Array.from({ length: loops }, (_, index) => update({ name: `job-${index * 100}.group[0]` })),
  );
  {
    await using program = start(env);
    const { events, alerts } = await finished(own, program);
    assert.deepEqual({ events, alerts }, { events: count + loops, alerts: loops });
    assert.equal(new Set(program.lines.map((line) => JSON.parse(line).LastEvent.Name)).size, loops);
  }
  {
    using file = new DatabaseSync(state.path, { readOnly: true });
    assert.equal(file.prepare("SELECT count(*) AS kept FROM restarts").get()!.kept, count + loops);
  }
  await using again = start(env);
  await again.logged(`restored ${count} tracked keys and 0 pending alerts`);
});

/** In UTC, as Go writes it. */
function rfc3339(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, "0").replace(/0+$/, "");
  return `${date}${fraction && `.${fraction}`}Z`;
}
