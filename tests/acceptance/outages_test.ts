// The program and every kind of outage of its connections: one line when it begins, one when it is over, and in between
// nothing lost and nothing notified twice.
import assert from "node:assert/strict";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { Program, run } from "../helpers/program.ts";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { freePort, type RabbitMq, restartsBroker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { restarts, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq({ config: ["max_message_size = 100000"] });
  await broker.ctl("add_user", "detector", "right");
  await broker.ctl("set_permissions", "detector", ".*", ".*", ".*");
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const sides = ["source", "sink"] as const;
type Side = typeof sides[number];

/** The program between two queues, with a proxy before the broker on either side. */
class Scene implements AsyncDisposable {
  readonly program: Program;
  readonly #notified = new Map<string, Set<string>>();

  private constructor(
    readonly proxies: Readonly<Record<Side, Proxy>>,
    readonly own: BrokerClient,
    env: Record<string, string>,
  ) {
    this.program = new Program({ env });
  }

  static async open(user?: string, env: Record<string, string> = {}): Promise<Scene> {
    const own = await brokerClient(broker.url);
    await declareAll(own);
    const [source, sink] = await Promise.all([startProxy(broker.port), startProxy(broker.port)]);
    const scene = new Scene({ source, sink }, own, { ...envOf(source.port, sink.port, user), ...env });
    await scene.program.logged("source amqp: consumes");
    return scene;
  }

  /** Puts in a loop of each name. */
  async loop(...names: string[]): Promise<void> {
    for (const name of names) await this.own.put("in", restarts(2, { name }));
  }

  /** Waits until exactly these names are notified, each with one id. */
  async notified(...names: string[]): Promise<void> {
    await waitFor(`alerts about ${names}`, async () => {
      for (;;) {
        const next = await this.own.channel.get("out", { noAck: true });
        if (next === false) break;
        const name = JSON.parse(next.content.toString()).LastEvent.Name;
        this.#notified.set(name, (this.#notified.get(name) ?? new Set()).add(next.properties.messageId));
      }
      return names.every((name) => this.#notified.has(name));
    }, { timeoutMs: 30_000 });
    assert.deepEqual([...this.#notified.keys()].toSorted(), names.toSorted());
    for (const [name, ids] of this.#notified) assert.equal(ids.size, 1, `${name} under ${[...ids]}`);
  }

  /** Waits until these names are notified, and every message is acknowledged: nothing is left to be notified. */
  async toldAll(...names: string[]): Promise<void> {
    await this.notified(...names);
    await waitFor(
      "all messages to be acknowledged",
      async () => /^in\s+0$/m.test(await broker.ctl("list_queues", "name", "messages", "--quiet")),
      { everyMs: 100, timeoutMs: 60_000 },
    );
    await this.notified(...names);
  }

  /** What the log says of one connection, without times. */
  said(side: Side): string[] {
    return this.program.stderr.split("\n").filter((line) => line.includes(` ${side} amqp: `))
      .map((line) => line.replace(/^\S+ /, "").replace(/after [\d.hms]+$/, "after <time>"))
      .filter((line) => line !== "info source amqp: consumes in");
  }

  /** Waits until a connection has said this many lines. */
  async saying(side: Side, lines: number): Promise<void> {
    try {
      await waitFor(`${lines} lines of ${side}`, () => this.said(side).length >= lines, {
        timeoutMs: 30_000,
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}; it says:\n${this.program.stderr}`);
    }
  }

  /** Asserts that one outage of a connection was logged, for this reason and to its end. */
  saidOutage(side: Side, reason: RegExp): void {
    const [begin, end, ...more] = this.said(side);
    const where = `amqp://\\S+:***@127.0.0.1:${this.proxies[side].port}/`;
    assert.match(begin!, /^warning \w+ amqp: .*; retrying$/);
    assert.match(begin!.replace(new RegExp(where.replaceAll("*", "\\*")), "<url>"), reason);
    assert.equal(end, `info ${side} amqp: recovered after <time>`);
    assert.deepEqual(more, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    await this.own[Symbol.asyncDispose]();
    for (const side of sides) await this.proxies[side][Symbol.asyncDispose]();
  }
}

/** The environment that consumes at one port and notifies at another. */
function envOf(source: number, sink: number, user = "guest:guest"): Record<string, string> {
  const url = (port: number) => `amqp://${user}@127.0.0.1:${port}/?heartbeat=2`;
  return {
    AMQP_CONNECTION: url(source),
    AMQP_QUEUE: "in",
    SINK_TYPE: "amqp",
    SINK_AMQP_CONNECTION: url(sink),
    SINK_AMQP_EXCHANGE: "alerts",
    SINK_AMQP_ROUTING_KEY: "crash-loop",
    RESTART_COUNT: "2",
  };
}

async function declareAll(own: BrokerClient): Promise<void> {
  await own.queue("in");
  await own.queue("out");
  await own.channel.assertExchange("alerts", "topic", { durable: true });
  await own.channel.bindQueue("out", "alerts", "crash-loop");
}

interface NetworkFault {
  readonly what: string;
  begin(proxy: Proxy): void | Promise<void>;
  end(proxy: Proxy): void | Promise<void>;
  readonly reason: RegExp;
}

const networkFaults: readonly NetworkFault[] = [
  {
    what: "cut",
    begin: (proxy) => proxy.cut(),
    end: () => {},
    reason: /amqp: <url>: (Unexpected close|read ECONNRESET|write EPIPE);/,
  },
  {
    what: "reset",
    begin: (proxy) => proxy.reset(),
    end: () => {},
    reason: /amqp: <url>: (?:.*ECONNRESET|write EPIPE);/,
  },
  {
    what: "cut and refused for a while",
    async begin(proxy) {
      proxy.refuse();
      await proxy.cut();
    },
    end: (proxy) => proxy.accept(),
    reason: /amqp: <url>: (Unexpected close|read ECONNRESET|write EPIPE);/,
  },
  {
    what: "gone silent without a word",
    begin: (proxy) => proxy.stall(),
    end: (proxy) => proxy.resume(),
    reason: /amqp: <url>: Heartbeat timeout;/,
  },
];

for (const { what, begin, end, reason } of networkFaults) {
  Deno.test(`both connections ${what}: logged once each, nothing lost, nothing notified twice`, async () => {
    await using scene = await Scene.open();
    await scene.loop("before");
    await scene.notified("before");
    for (const side of sides) await begin(scene.proxies[side]);
    await scene.loop("during");
    for (const side of sides) await scene.saying(side, 1);
    for (const side of sides) await end(scene.proxies[side]);
    for (const side of sides) await scene.saying(side, 2);
    await scene.loop("after");
    await scene.toldAll("before", "during", "after");
    for (const side of sides) scene.saidOutage(side, reason);
  });
}

Deno.test("the sink's connection cut amid a flood of alerts: notified under one id each, none lost", async () => {
  await using scene = await Scene.open();
  const names = Array.from({ length: 300 }, (_, index) => `flood.group[${index}]`);
  const flood = scene.loop(...names);
  for (const _ of [1, 2, 3]) {
    await waitFor("the sink to be connected", () => scene.proxies.sink.connections > 0);
    await scene.proxies.sink.cut();
  }
  await flood;
  await scene.toldAll(...names);
  assert.match(scene.said("sink").join("\n"), /Unexpected close.*\n.*recovered/);
});

Deno.test("the source's connection cut amid a flood of restarts: notified under one id each, none lost", async () => {
  await using scene = await Scene.open();
  const names = Array.from({ length: 300 }, (_, index) => `flood.group[${index}]`);
  const flood = scene.loop(...names);
  for (const _ of [1, 2, 3]) {
    await waitFor("the source to be connected", () => scene.proxies.source.connections > 0);
    await scene.proxies.source.reset();
  }
  await flood;
  await scene.toldAll(...names);
  assert.match(scene.said("source").join("\n"), /ECONNRESET.*\n.*recovered/);
});

Deno.test("queue deleted and exchange deleted: logged once each, and used again once they are there", async () => {
  await using scene = await Scene.open();
  await scene.loop("before");
  await scene.notified("before");
  await scene.own.channel.deleteExchange("alerts");
  await scene.loop("during");
  await scene.saying("sink", 1);
  await scene.own.channel.deleteQueue("in");
  await scene.saying("source", 1);
  await scene.program.logged('still failing: queue "in" does not exist');
  await declareAll(scene.own);
  for (const side of sides) {
    await waitFor(`${side} to work`, () => /recovered/.test(scene.said(side).at(-1)!));
  }
  await scene.loop("after");
  await scene.toldAll("before", "during", "after");
  scene.saidOutage("sink", /amqp: exchange "alerts" does not exist at <url>; create it;/);
  const [begin, still, end, ...more] = scene.said("source");
  assert.equal(begin, 'warning source amqp: queue "in" was deleted; retrying');
  assert.match(
    still!,
    /^info source amqp: still failing: queue "in" does not exist at amqp:.*--amqp-declare$/,
  );
  assert.equal(end, "info source amqp: recovered after <time>");
  assert.deepEqual(more, []);
});

Deno.test("credentials revoked and granted again: logged once each with what to do, and nothing lost", async () => {
  await using scene = await Scene.open("detector:right");
  await scene.loop("before");
  await scene.notified("before");
  await broker.ctl("change_password", "detector", "other");
  await broker.ctl("close_all_user_connections", "detector", "rotated");
  await scene.loop("during");
  for (const side of sides) await scene.saying(side, 2);
  await broker.ctl("change_password", "detector", "right");
  for (const side of sides) await scene.saying(side, 3);
  await scene.loop("after");
  await scene.toldAll("before", "during", "after");
  for (const side of sides) {
    const where = `amqp://detector:***@127.0.0.1:${scene.proxies[side].port}/`;
    assert.deepEqual(scene.said(side), [
      `warning ${side} amqp: ${where} closed the connection: CONNECTION_FORCED - rotated; retrying`,
      `info ${side} amqp: still failing: ${where} refused user and password; correct them in the URL`,
      `info ${side} amqp: recovered after <time>`,
    ]);
  }
});

Deno.test("broker stopped and started: logged once each, and nothing lost", restartsBroker, async () => {
  await using scene = await Scene.open();
  await scene.loop("before");
  await scene.notified("before");
  await scene.own[Symbol.asyncDispose]();
  await broker.stop();
  for (const side of sides) await scene.saying(side, 1);
  await broker.start();
  for (const side of sides) await scene.saying(side, 2);
  await using again = await brokerClient(broker.url);
  await again.put("in", restarts(2, { name: "after" }));
  const [alert] = await again.take("out", 1);
  assert.equal(JSON.parse(alert!.content.toString()).LastEvent.Name, "after");
  for (const side of sides) {
    scene.saidOutage(
      side,
      /amqp: <url> closed the connection: CONNECTION_FORCED - broker forced connection closure/,
    );
  }
});

/** What makes the broker block its publishers, and what ends that. */
const alarms = {
  memory: {
    begin: () => broker.ctl("set_vm_memory_high_watermark", "0.0000001"),
    end: () => broker.ctl("set_vm_memory_high_watermark", "0.4"),
  },
  disk: {
    begin: () => broker.ctl("set_disk_free_limit", "1000000GB"),
    end: () => broker.ctl("set_disk_free_limit", "50MB"),
  },
};

/** An alarm that blocks the scene's sink with alerts about these names. Disposing it ends it. */
async function alarm(kind: keyof typeof alarms, scene: Scene, ...names: string[]): Promise<AsyncDisposable> {
  // The test cannot put in messages during the alarm either, so they wait until the source is let through.
  scene.proxies.source.refuse();
  await scene.proxies.source.cut();
  await scene.loop(...names);
  await alarms[kind].begin();
  await scene.proxies.source.accept();
  await scene.program.logged(`blocks its publishers: low on ${kind}`);
  return { [Symbol.asyncDispose]: async () => void await alarms[kind].end() };
}

for (const kind of ["memory", "disk"] as const) {
  Deno.test(`blocked by an alarm, low on ${kind}: logged once with its end, and the alerts arrive then`, async () => {
    await using scene = await Scene.open();
    await scene.loop("before");
    await scene.notified("before");
    {
      await using _ = await alarm(kind, scene, "during", "too");
      // The broker does not read what a blocked publisher sends, heartbeats included.
      const end = performance.now() + (kind === "memory" ? 5000 : 0);
      await waitFor("more than two heartbeats to pass", () => performance.now() > end);
      assert.equal(await scene.own.ready("out"), 0);
    }
    await scene.saying("sink", 2);
    await scene.loop("after");
    await scene.toldAll("before", "during", "too", "after");
    assert.deepEqual(scene.said("sink"), [
      `warning sink amqp: amqp://guest:***@127.0.0.1:${scene.proxies.sink.port}/ blocks its publishers: ` +
      `low on ${kind}; alerts are pending`,
      "info sink amqp: no longer blocked after <time>",
    ]);
  });
}

Deno.test("blocked, and stopped: it ends, and after its next start the alert arrives", async () => {
  {
    await using scene = await Scene.open("guest:guest", { SHUTDOWN_TIMEOUT: "100ms" });
    await using _ = await alarm("disk", scene, "during");
    scene.program.signal("SIGTERM");
    const { code, stderr } = await scene.program.ended;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /Shutdown timed out after 100ms with 1 unconfirmed alerts; they are lost: RabbitMQ redelivers only messages that were not acknowledged, not the restarts before them\. STATE=sqlite:<file> keeps all\n$/,
    );
  }
  await using own = await brokerClient(broker.url);
  // The first restart of the two was acknowledged, as it had no alert.
  await using _ = new Program({ env: { ...envOf(broker.port, broker.port), RESTART_COUNT: "1" } });
  await own.take("out", 1);
});

Deno.test("the channel closed since an acknowledgement took too long: logged once, and nothing notified twice", async () => {
  const set = (timeout: number, tick: number) =>
    broker.ctl(
      "eval",
      `application:set_env(rabbit, consumer_timeout, ${timeout}), application:set_env(rabbit, channel_tick_interval, ${tick}).`,
    );
  await set(3000, 200);
  try {
    await using scene = await Scene.open();
    {
      await using _ = await alarm("disk", scene, "during");
      await scene.saying("source", 3);
    }
    await scene.saying("source", 4);
    await scene.loop("after");
    await scene.toldAll("during", "after");
    const url = `amqp://guest:***@127.0.0.1:${scene.proxies.source.port}/`;
    assert.deepEqual(scene.said("source").slice(2), [
      `warning source amqp: ${url} closed the channel: PRECONDITION_FAILED - delivery acknowledgement on channel 1 ` +
      "timed out. Timeout value used: 3000 ms. This timeout value can be configured, see consumers doc guide " +
      "to learn more; retrying",
      "info source amqp: recovered after <time>",
    ]);
  } finally {
    await set(1_800_000, 60_000);
  }
});

Deno.test("the queue for alerts full: logged once, and the alert is kept until there is room", async () => {
  await using scene = await Scene.open();
  await scene.own.queue("out", { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
  await scene.own.channel.bindQueue("out", "alerts", "crash-loop");
  await scene.loop("first", "second");
  await scene.saying("sink", 1);
  await scene.toldAll("first", "second");
  await scene.saying("sink", 2);
  scene.saidOutage("sink", /amqp: <url> did not take the alert; a queue bound to the exchange may be full;/);
});

Deno.test("an alert that is too large for the broker is given up with a reason, and others arrive", async () => {
  await using scene = await Scene.open();
  // The message is just small enough, and the alert about it is larger.
  const room = 99_990 - update({ name: "large", reason: "" }).length;
  const reason = "x".repeat(Math.floor(room / 2));
  await scene.own.put("in", restarts(2, { name: "large", reason }));
  await scene.loop("after");
  await scene.toldAll("after");
  const gaveUp = scene.said("sink").filter((line) => line.includes("dropped alert"));
  assert.equal(gaveUp.length, 1);
  assert.match(
    gaveUp[0]!,
    /^error sink amqp: dropped alert [0-9a-f]{32} for large: amqp:\S+ closed the channel: PRECONDITION_FAILED - message size \d{6} is larger than configured max size 100000$/,
  );
});

/** The log's lines, without times. */
function linesOf(stderr: string): string[] {
  return stderr.trimEnd().split("\n").map((line) => line.replace(/^\S+ /, ""));
}

Deno.test("CONNECT_TIMEOUT: broker that refuses, and one that is silent: one line that says why, exit 1", async () => {
  const [source, sink] = [freePort(), freePort()];
  const refused = await run({ env: { ...envOf(source, sink), CONNECT_TIMEOUT: "700ms" } });
  assert.equal(refused.code, 1);
  const [where, to] = [(port: number) => `amqp://guest:***@127.0.0.1:${port}/`, "127.0.0.1"];
  assert.deepEqual(linesOf(refused.stderr), [
    `warning sink amqp: ${
      where(sink)
    }: connect ECONNREFUSED ${to}:${sink}; retrying for 700ms after the start`,
    `warning source amqp: ${
      where(source)
    }: connect ECONNREFUSED ${to}:${source}; retrying for 700ms after the start`,
    `error Gave up after 700ms: sink amqp: ${where(sink)}: connect ECONNREFUSED ${to}:${sink}; ` +
    `source amqp: ${where(source)}: connect ECONNREFUSED ${to}:${source}`,
  ]);
  await using proxy = await startProxy(broker.port);
  proxy.stall();
  for (
    const [env, who] of [[envOf(broker.port, proxy.port), "sink"], [
      envOf(proxy.port, broker.port),
      "source",
    ]] as const
  ) {
    const silent = await run({ env: { ...env, CONNECT_TIMEOUT: "700ms" } });
    assert.equal(silent.code, 1);
    assert.deepEqual(linesOf(silent.stderr), [`error Gave up after 700ms: ${who} amqp: no answer yet`]);
  }
});

Deno.test("CONNECT_TIMEOUT: a queue that is missing counts as not reached", async () => {
  await using own = await brokerClient(broker.url);
  await declareAll(own);
  await own.channel.deleteQueue("in");
  const { code, stderr } = await run({
    env: { ...envOf(broker.port, broker.port), CONNECT_TIMEOUT: "700ms" },
  });
  assert.equal(code, 1);
  assert.equal(
    linesOf(stderr).at(-1),
    `error Gave up after 700ms: source amqp: queue "in" does not exist at amqp://guest:***@127.0.0.1:${broker.port}/; ` +
      "create it, or have it created with --amqp-declare",
  );
});

Deno.test("CONNECT_TIMEOUT: what was reached in time is retried indefinitely afterwards", async () => {
  await using scene = await Scene.open("guest:guest", { CONNECT_TIMEOUT: "3s" });
  const end = performance.now() + 3000;
  for (const side of sides) {
    scene.proxies[side].refuse();
    await scene.proxies[side].cut();
    await scene.saying(side, 1);
  }
  await waitFor("the time to be over", () => performance.now() > end);
  for (const side of sides) await scene.proxies[side].accept();
  for (const side of sides) await scene.saying(side, 2);
  await scene.loop("after");
  await scene.toldAll("after");
});

Deno.test("a wrong password that shows only once the broker is up ends the start too", async () => {
  await using own = await brokerClient(broker.url);
  await declareAll(own);
  await using proxy = await startProxy(broker.port);
  proxy.refuse();
  for (
    const [env, side] of [
      [envOf(broker.port, proxy.port, "guest:wrong"), "sink"],
      [envOf(proxy.port, broker.port, "guest:wrong"), "source"],
    ] as const
  ) {
    // Only the connection through the proxy has the wrong password.
    const right = { [side === "sink" ? "AMQP_CONNECTION" : "SINK_AMQP_CONNECTION"]: broker.url };
    await using program = new Program({ env: { ...env, ...right } });
    await program.logged(`warning ${side} amqp: `);
    await proxy.accept();
    const { code, stderr } = await program.ended;
    assert.equal(code, 1);
    assert.equal(
      linesOf(stderr).at(-1),
      `error ${side} amqp: amqp://guest:***@127.0.0.1:${proxy.port}/ refused user and password; ` +
        "correct them in the URL",
    );
    proxy.refuse();
  }
});
