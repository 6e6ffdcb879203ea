// What the rule `failures` notifies while its source is blind, and after: with a Nomad that is frozen, and with RabbitMQ.
import assert from "node:assert/strict";
import { nomadSettings } from "../../src/clients/nomad/settings.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { FailuresRule } from "../../src/detection/failures/rule.ts";
import { runPipeline } from "../../src/pipeline/pipeline.ts";
import type { Decision } from "../../src/detection/rule.ts";
import { readSettings } from "../../src/lib/settings/setting.ts";
import { Visibility } from "../../src/detection/visibility.ts";
import type { Source, SourceContext } from "../../src/sources/source.ts";
import { amqpSource } from "../../src/sources/amqp/source.ts";
import { openNomad } from "../../src/sources/nomad/source.ts";
import { formatTime, wallClock } from "../../src/lib/time.ts";
import { second } from "../../src/lib/duration.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { noopState } from "../helpers/listen.ts";
import { testLog } from "../helpers/log.ts";
import { NomadServer, Recording } from "../helpers/nomad.ts";
import { startProxy } from "../helpers/proxy.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";
import { crash, started } from "../helpers/runs.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { partsOf } from "../helpers/sink.ts";

/** The program's way from a source to the rule, and what is notified on it. */
class Notified implements AsyncDisposable {
  readonly said: string[] = [];
  readonly visibility = new Visibility("blind");
  readonly #stop = new AbortController();
  readonly #source: Source;
  readonly #end: Promise<unknown>;

  constructor(open: (context: SourceContext) => Source, stableAfter: bigint) {
    const { log } = testLog();
    this.#source = open({
      log,
      visibility: this.visibility,
      files: [],
      restartsOnly: false,
      stdin: new Blob([]).stream(),
    });
    const thresholds = {
      restartCount: 3,
      stableAfter,
      notificationInterval: 3600n * second,
      notifyResolved: true,
    };
    const rule = new FailuresRule(thresholds, noopState, this.visibility);
    const store = new MemoryStore({ sinks: [], newerReplaces: true });
    const hear = (decision: Decision) => {
      if (decision.reason === "resolved") this.said.push(decision.cause);
      else if ("alert" in decision) this.said.push(`${decision.reason} ${decision.alert!.details!.Failures}`);
    };
    this.#end = runPipeline({
      source: this.#source,
      rule,
      store,
      delivery: new Delivery([], partsOf(store), log),
      log,
      visibility: this.visibility,
      observer: { recorded: (_, decision) => hear(decision), decided: hear },
    }, this.#stop.signal);
    this.#end.catch(() => {});
  }

  /** Resolves when so much is notified. */
  async has(...said: string[]): Promise<void> {
    await waitFor(said.join(", "), () => this.said.length >= said.length, { timeoutMs: 20_000 });
    assert.deepEqual(this.said, said);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#end;
    await this.#source[Symbol.asyncDispose]();
  }
}

/** A line of the event stream: an allocation whose task began at these times and crashed each time, but that it runs
 * since the last where it does. */
function line(index: number, starts: readonly bigint[], runs: boolean): string {
  const events = starts.flatMap((start, at) => [
    { Type: "Started", Time: `${start}`, Details: {} },
    ...(runs && at === starts.length - 1 ? [] : [
      { Type: "Terminated", Time: `${start + 50_000_000n}`, Details: { exit_code: "1" } },
      {
        Type: "Restarting",
        Time: `${start + 60_000_000n}`,
        RestartReason: "Restart within policy",
        Details: { restart_reason: "Restart within policy" },
      },
    ]),
  ]);
  const state = {
    State: "running",
    Failed: false,
    Restarts: starts.length - (runs ? 1 : 0),
    StartedAt: formatTime(starts.at(-1)!),
    Events: events.slice(-10),
  };
  const allocation = {
    ID: "a1",
    Name: "api.web[0]",
    Namespace: "default",
    NodeID: "n1",
    JobID: "api",
    TaskGroup: "web",
    DesiredStatus: "run",
    ClientStatus: "running",
    CreateIndex: 1,
    CreateTime: Number(starts[0]!),
    ModifyIndex: index,
    ModifyTime: Number(starts.at(-1)!),
    TaskStates: { app: state },
  };
  return JSON.stringify({
    Index: index,
    Events: [{ Topic: "Allocation", Payload: { Allocation: allocation } }],
  })
    .replaceAll(/"Time":"(\d+)"/g, '"Time":$1');
}

Deno.test("no loop is over while Nomad is frozen, nor after, if its task went on crashing meanwhile", async () => {
  const now = wallClock();
  // It crashed three times and runs; while Nomad is frozen it crashes and starts five times more; at last it runs.
  const before = [9n, 6n, 3n, 0n].map((ago) => now - ago * second);
  const meanwhile = [31n, 33n, 35n, 37n, 39n].map((tenths) => now + tenths * second / 10n);
  const later = [now + 9n * second];
  const recording = Recording.of([
    line(10, before, true),
    line(11, [...before, ...meanwhile], false),
    line(12, [...before, ...meanwhile, ...later], true),
  ]);
  await using server = await NomadServer.start({ recording, lines: 1 });
  await using proxy = await startProxy(Number(new URL(server.address).port));
  const env = { NOMAD_ADDR: `http://127.0.0.1:${proxy.port}` };
  const settings = readSettings(nomadSettings, { flags: {}, env, problems: [] })!;
  const timeouts = {
    idle: 1_000,
    renewal: 3_600_000,
    catchUp: 50,
    checkpoint: 0,
    heartbeat: 800,
    settle: 300,
    deadJob: 100,
    audit: 200,
  };
  await using notified = new Notified((context) => openNomad(settings, context, timeouts), 2n * second);
  await notified.has("first 3");
  await waitFor("sight", () => !notified.visibility.isBlind);
  proxy.stall();
  server.pass(2);
  // Without sight it would be over two seconds after the last start.
  await waitFor("more than that", () => wallClock() > now + 5n * second);
  assert.deepEqual(notified.said, ["first 3"]);
  proxy.resume();
  await waitFor("sight", () => !notified.visibility.isBlind, { timeoutMs: 20_000 });
  assert.deepEqual(notified.said, ["first 3"]);
  server.allow(3);
  await notified.has("first 3", "it ran for 2 s");
  assert.ok(wallClock() >= later[0]! + 2n * second);
});

Deno.test("no loop is over while a queue is cut off or its backlog is read; after that, when it ran as long again", async () => {
  await using broker = await startRabbitMq();
  await using own = await brokerClient(broker.url);
  await own.queue("updates");
  await using proxy = await startProxy(broker.port);
  const env = { AMQP_CONNECTION: `amqp://127.0.0.1:${proxy.port}/?heartbeat=2`, AMQP_QUEUE: "updates" };
  const open = amqpSource.prepare({ flags: {}, env, problems: [] })!;
  await using notified = new Notified((context) => open(context) as Source, 5n * second);
  await waitFor("sight", () => !notified.visibility.isBlind);
  const now = wallClock();
  const life = [9n, 6n, 3n].flatMap((ago) => [
    started(now - ago * second),
    ...crash(now - ago * second + second),
  ]);
  await own.put("updates", [...life, started(now)]);
  await notified.has("first 3");
  await waitFor("it to be heard", () => notified.visibility.until > now);
  proxy.stall();
  await waitFor("more than it takes to be stable", () => wallClock() > now + 7n * second);
  assert.deepEqual(notified.said, ["first 3"]);
  await own.put("updates", [...crash(now + second), started(now + 2n * second)]);
  await proxy.cut();
  proxy.resume();
  await waitFor("sight", () => !notified.visibility.isBlind, { timeoutMs: 20_000 });
  assert.deepEqual(notified.said, ["first 3"]);
  const seenAgain = wallClock();
  await notified.has("first 3", "it ran for 5 s");
  assert.ok(wallClock() > seenAgain);
});
