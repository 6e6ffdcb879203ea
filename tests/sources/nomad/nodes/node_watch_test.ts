// Nodes that are down or lost a driver, from the test server through source, rule and pipeline to who hears of them.
import assert from "node:assert/strict";
import { nomadSettings } from "../../../../src/clients/nomad/settings.ts";
import { FailuresRule } from "../../../../src/detection/failures/rule.ts";
import { RestartsRule } from "../../../../src/detection/restarts/rule.ts";
import { second } from "../../../../src/lib/duration.ts";
import { readSettings } from "../../../../src/lib/settings/setting.ts";
import { Delivery } from "../../../../src/pipeline/delivery.ts";
import { runPipeline } from "../../../../src/pipeline/pipeline.ts";
import { openNomad } from "../../../../src/sources/nomad/source.ts";
import { MemoryStore } from "../../../../src/state/memory.ts";
import { noopState } from "../../../helpers/listen.ts";
import { testLog } from "../../../helpers/log.ts";
import { NomadServer, Recording, type ServerOptions } from "../../../helpers/nomad.ts";
import { fastTimeouts } from "../../../helpers/nomad_timeouts.ts";
import { partsOf } from "../../../helpers/sink.ts";
import { waitFor } from "../../../helpers/wait_for.ts";

const healthy = { docker: { Detected: true, Healthy: true }, java: { Detected: false, Healthy: false } };
const lost = { docker: { Detected: false, Healthy: false }, java: { Detected: false, Healthy: false } };

function node(name: string, index: number, differs: object = {}) {
  return {
    ID: `${name}-32b9-1a4f`,
    Name: name,
    Status: "ready",
    Drivers: healthy,
    ModifyIndex: index,
    ...differs,
  };
}

function line(index: number, type: string, Node: object): string {
  return JSON.stringify({ Index: index, Events: [{ Topic: "Node", Type: type, Payload: { Node } }] });
}

/** The pipeline behind a server, and what it is told of nodes. */
class Following implements AsyncDisposable {
  readonly said: string[] = [];
  readonly log = testLog();
  readonly #server: NomadServer;
  readonly #stop = new AbortController();
  readonly #end: Promise<unknown>;
  readonly #source: ReturnType<typeof openNomad>;

  constructor(server: NomadServer, rule: "restarts" | "failures") {
    this.#server = server;
    const { log } = this.log;
    const env = { NOMAD_ADDR: server.address };
    const settings = readSettings(nomadSettings, { flags: {}, env, problems: [] })!;
    const context = {
      log,
      files: [],
      restartsOnly: rule === "restarts",
      failing: () => [],
      stdin: new Blob([]).stream(),
    };
    this.#source = openNomad(settings, context, fastTimeouts);
    const thresholds = {
      restartCount: 5,
      restartInterval: 300n * second,
      stableAfter: 600n * second,
      notificationInterval: 3600n * second,
      ignoreRequested: false,
      notifyResolved: true,
    };
    const store = new MemoryStore({ sinks: [], newerReplaces: true });
    this.#end = runPipeline({
      source: this.#source,
      rule: rule === "restarts"
        ? new RestartsRule(thresholds, noopState)
        : new FailuresRule(thresholds, noopState),
      store,
      delivery: new Delivery([], partsOf(store), log),
      log,
      onNode: ({ ID, Name }, problem) => this.said.push(`${Name} (${ID}) ${problem ?? "is well"}`),
    }, this.#stop.signal);
    this.#end.catch(() => {});
  }

  static async start(options: ServerOptions, rule: "restarts" | "failures" = "failures"): Promise<Following> {
    return new Following(await NomadServer.start(options), rule);
  }

  get server(): NomadServer {
    return this.#server;
  }

  async has(...said: string[]): Promise<void> {
    await waitFor(`${said}; it said ${this.said}`, () => this.said.length >= said.length);
    assert.deepEqual(this.said, said);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#end;
    await this.#source[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

for (const rule of ["failures", "restarts"] as const) {
  Deno.test(`with the rule ${rule}, a node that goes down, comes back and loses a driver is told each time`, async () => {
    const recording = Recording.of([
      line(10, "NodeStreamEvent", node("one", 10, { Status: "down" })),
      line(11, "NodeRegistration", node("one", 11, { Status: "initializing" })),
      line(12, "NodeStreamEvent", node("one", 12)),
      line(13, "NodeEligibility", node("one", 13, { SchedulingEligibility: "ineligible" })),
      line(14, "NodeRegistration", node("one", 14, { Drivers: lost })),
      line(15, "NodeStreamEvent", node("two", 15, { Status: "disconnected" })),
      line(16, "NodeDeregistration", node("two", 15, { Status: "disconnected" })),
    ]);
    const nodes = [node("one", 5), node("two", 6)];
    await using following = await Following.start({ recording, nodes, lines: 0 }, rule);
    const begin = ["one (one-32b9-1a4f) is well", "two (two-32b9-1a4f) is well"];
    await following.has(...begin);
    following.server.allow(7);
    await following.has(
      ...begin,
      "one (one-32b9-1a4f) is down",
      "one (one-32b9-1a4f) is well",
      "one (one-32b9-1a4f) lost its driver docker",
      "two (two-32b9-1a4f) is disconnected",
      "two (two-32b9-1a4f) is well",
    );
    const stream = following.server.requests.find((request) => request.includes("/v1/event/stream"))!;
    assert.match(stream, /&topic=Node&/);
    assert.equal(following.log.lines.some((line) => line.startsWith("warning")), false);
  });
}

Deno.test("what happened to nodes while the stream was lost stands in the list of the next connection", async () => {
  const recording = Recording.of([
    line(10, "NodeStreamEvent", node("one", 10)),
    line(11, "NodeStreamEvent", node("one", 11, { Status: "down" })),
    line(12, "NodeStreamEvent", node("two", 12)),
  ]);
  await using following = await Following.start({ recording, lines: 1, troubles: { 1: { lost: 1 } } });
  await following.has("one (one-32b9-1a4f) is well");
  following.server.allow(3);
  await waitFor("both", () => following.said.length === 3);
  assert.deepEqual(following.said.slice(1).sort(), [
    "one (one-32b9-1a4f) is down",
    "two (two-32b9-1a4f) is well",
  ]);
});

Deno.test("a driver that is detected and unhealthy is lost from the first list on, one that never was there is not", async () => {
  const Drivers = {
    docker: { Detected: true, Healthy: false },
    exec: { Detected: true, Healthy: false },
    java: { Detected: false, Healthy: false },
  };
  const nodes = [node("one", 5, { Drivers })];
  await using following = await Following.start({ recording: Recording.of([]), nodes });
  await following.has("one (one-32b9-1a4f) lost its drivers docker and exec");
});

Deno.test("a token without node:read is warned of once, and loses no other topic", async () => {
  const topics = ["Allocation", "Job", "Evaluation"];
  const recording = Recording.load("all-topics.ndjson.br");
  await using following = await Following.start({
    recording,
    topics,
    lines: 10,
    troubles: { 5: "end" },
    nodes: [node("one", 5, { Status: "down" })],
  });
  await waitFor("two connections", () => following.server.sent === 10);
  const streams = following.server.requests.filter((request) => request.includes("/v1/event/stream"))
    .map((request) => new URL(request.slice(4), "http://nomad").searchParams.getAll("topic").join());
  const [all, allowed] = [[...topics, "Node"].join(), topics.join()];
  assert.deepEqual(streams, [all, allowed, all, allowed]);
  assert.ok(following.server.requests.every((request) => !request.includes("/v1/nodes")));
  assert.deepEqual(
    following.log.lines.filter((line) => line.includes("refused")),
    [
      `warning source nomad: ${following.server.address} refused the topic Node, which needs node:read; continuing ` +
      "without it: a node that is down, or lost a driver, is not known as the cause of a loop",
    ],
  );
  assert.deepEqual(following.said, []);
});

Deno.test("a token that may read allocations only has no topic but that, with either rule", async () => {
  for (const rule of ["failures", "restarts"] as const) {
    await using following = await Following.start(
      { recording: Recording.of([]), topics: ["Allocation"] },
      rule,
    );
    await waitFor("a stream", () => following.server.streams === 1);
    await waitFor(
      "the warning",
      () => following.log.lines.some((line) => line.includes("refused the topic Node")),
    );
    assert.equal(
      following.log.lines.some((line) => line.includes("refused the topics Job and Evaluation")),
      rule === "failures",
    );
  }
});
