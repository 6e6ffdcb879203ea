// Groups on the whole way of messages: who gets which alert, what is held until people have heard of it, and what
// survives a start of the program.
import assert from "node:assert/strict";
import { type Alert, alertId } from "../../src/detection/alert/alert.ts";
import type { GroupThresholds } from "../../src/detection/groups/thresholds.ts";
import { RestartsRule } from "../../src/detection/restarts/rule.ts";
import { hour, second } from "../../src/lib/duration.ts";
import { Counters } from "../../src/pipeline/counters.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { type GroupedSink, Grouping } from "../../src/pipeline/grouping.ts";
import { runPipeline } from "../../src/pipeline/pipeline.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import type { StateStore } from "../../src/state/store.ts";
import { groupAlert } from "../helpers/groups.ts";
import { testLog } from "../helpers/log.ts";
import { partsOf, TestSink } from "../helpers/sink.ts";
import { TestSource } from "../helpers/source.ts";
import { stateFolder } from "../helpers/state_files.ts";
import { updateJson } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

/** A sink of a test, and who reads it. */
interface Reader extends Partial<Omit<GroupedSink, "name">> {
  readonly name: string;
}

const programs: Reader = { name: "amqp" };
const people: Reader = { name: "slack", audience: "people" };

interface Opened {
  readonly mode?: "live" | "batch";
  readonly readers?: readonly Reader[];
  readonly thresholds?: Partial<GroupThresholds> | "none";
  /** The state file; in memory without one. */
  readonly file?: string;
  readonly restartInterval?: bigint;
}

/** A pipeline with the rule `restarts`, by which one restart is a loop. */
function opened(
  { mode = "live", readers = [programs, people], thresholds = {}, file, restartInterval = hour }: Opened = {},
) {
  const sinks = readers.map((reader) => ({
    audience: "programs" as const,
    updates: false,
    accepts: () => true,
    ...reader,
  }));
  const accepts = (name: string, alert: Alert) => sinks.find((sink) => sink.name === name)!.accepts(alert);
  const context = { sinks: sinks.map(({ name }) => name), accepts, newerReplaces: mode === "live" };
  const store: StateStore = file === undefined ? new MemoryStore(context) : new SqliteStore(file, context);
  const { log, lines } = testLog();
  const ends = sinks.map(({ name }) => new TestSink(name, 1000));
  for (const end of ends) end.ready = true;
  const got: Record<string, Alert[]> = Object.fromEntries(sinks.map(({ name }) => [name, []]));
  for (const end of ends) {
    const send = end.send.bind(end);
    end.send = (alert) => (got[end.name]!.push(alert), send(alert));
  }
  const delivery = new Delivery(ends, partsOf(store), log);
  const limits = { restartCount: 1, restartInterval, notificationInterval: hour, notifyResolved: true };
  const rule = new RestartsRule(limits, store);
  rule.restore(store.kept, mode === "live" ? BigInt(Date.now()) * 1_000_000n : undefined);
  const counters = new Counters();
  const grouping = thresholds === "none" ? undefined : new Grouping({
    sinks,
    thresholds: { wait: 10n * second, digestAbove: 20, ...thresholds },
    store,
    delivery,
    counters,
    log,
  });
  grouping?.restore(rule, BigInt(Date.now()) * 1_000_000n);
  const source = new TestSource(mode);
  const stop = new AbortController();
  const ended = runPipeline({ source, rule, store, delivery, log, counters, grouping }, stop.signal);
  ended.catch(() => {});
  return {
    source,
    store,
    grouping,
    got,
    lines,
    sink: (name: string) => ends.find((end) => end.name === name)!,
    /** What a sink got: reasons, and names without the ids of groups. */
    said: (name: string) => got[name]!.map((alert) => `${alert.name.replace(/ #.*/, "")} ${alert.reason}`),
    async end() {
      source.end();
      await ended;
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Two hours ago. */
const start = BigInt(Date.now()) * 1_000_000n - 2n * hour;

/** A restart, by default of now. */
function restart(job: string, index = 0, seconds = 7200): string {
  const fields = {
    Name: `${job}.app[${index}]`,
    AllocationID: `${job}${index}`,
    JobID: job,
    GroupName: "app",
    TaskName: "run",
  };
  return updateJson(
    { ...fields, NodeID: `node-${job}-${index}` },
    "Restarting",
    start + BigInt(seconds) * second,
    {
      RestartReason: "Restart within policy",
    },
  );
}

Deno.test("programs get each loop at once, people get the group; the end of the input sends what waits", async () => {
  const { source, said, end, got, lines } = opened({ mode: "batch" });
  source.put(restart("web", 0), restart("web", 1), restart("web", 2));
  await waitFor("the programs' alerts", () => said("amqp").length === 3);
  assert.deepEqual(said("slack"), []);
  await end();
  assert.deepEqual(said("amqp"), ["web.app[0] first", "web.app[1] first", "web.app[2] first"]);
  assert.deepEqual(said("slack"), ["web.app/run first"]);
  const [{ id, loop, name, group }] = got.slack as [Alert];
  assert.deepEqual(group!.counts, { active: 3, gaveUp: 0, resolved: 0 });
  assert.equal(name, `web.app/run #${loop.slice(0, 8)}`);
  assert.ok(
    lines.some((line) => line.includes(`${name}: one message for people, 3 active; alert ${id}`)),
    lines.join("\n"),
  );
});

Deno.test("in a recording groups fall due by the time of its events", async () => {
  const { source, said, end } = opened({ mode: "batch" });
  source.put(restart("web", 0, 0), restart("web", 1, 9), restart("api", 0, 11), restart("web", 2, 12));
  await waitFor("the first message", () => said("slack").length === 1);
  assert.deepEqual(said("slack"), ["web.app/run first"]);
  await end();
  assert.deepEqual(said("slack"), ["web.app/run first", "api.app/run first"]);
});

Deno.test("what only one sink accepts is in no group of another, and counts for none", async () => {
  const pager = {
    ...people,
    name: "pagerduty",
    accepts: ({ name }: Alert) => !name.startsWith("ci") || name.includes("#"),
  };
  const { source, said, end, got } = opened({
    mode: "batch",
    readers: [people, pager],
    thresholds: { digestAbove: 2 },
  });
  source.put(...["ci1", "ci2", "ci3", "web", "api", "db"].map((job) => restart(job)));
  await end();
  assert.deepEqual([said("slack").sort(), said("pagerduty")], [["storm first", "storm first"], [
    "storm first",
  ]]);
  assert.equal(got.pagerduty![0]!.group!.counts.active, 3);
  assert.deepEqual(got.slack!.map(({ group }) => group!.counts.active), [3, 3]);
});

Deno.test("an update goes to sinks that change what they sent, to others when the number of loops doubled", async () => {
  const pager = { ...people, name: "pagerduty", updates: true };
  const { source, said, end } = opened({ readers: [people, pager], thresholds: { wait: 0n } });
  const put = async (messages: string[], count: number) => {
    source.put(...messages);
    await waitFor("an alert", () => said("pagerduty").length === count);
  };
  await put([restart("web", 0), restart("web", 1)], 1);
  await put([restart("web", 2)], 2);
  await put([restart("web", 3)], 3);
  await end();
  assert.deepEqual(said("slack"), ["web.app/run first", "web.app/run update"]);
  assert.deepEqual(said("pagerduty"), ["web.app/run first", "web.app/run update", "web.app/run update"]);
});

Deno.test("in a recording a group is resolved in time, once", async () => {
  const { source, said, end } = opened({ mode: "batch", restartInterval: 2n * second });
  source.put(restart("web", 0, 0), restart("other", 0, 3700));
  await end();
  assert.deepEqual(said("slack"), ["web.app/run first", "web.app/run resolved", "other.app/run first"]);
});

Deno.test("in memory, a batch is acknowledged when people's sinks confirmed the alert that mentions its loops", async () => {
  const { source, sink, said, end } = opened({ thresholds: { wait: second / 10n } });
  sink("slack").ready = false;
  source.put(restart("web", 0));
  source.put(restart("web", 1));
  await waitFor("the group", () => sink("slack").sending.length === 1);
  assert.deepEqual([said("amqp").length, source.acknowledged], [2, []]);
  sink("slack").sending[0]!.confirm();
  await waitFor("both batches", () => source.acknowledged.length === 2);
  // A latecomer that no sink gets an update about holds its batch until that is decided, and no longer.
  source.put(restart("web", 2));
  await waitFor("the third batch", () => source.acknowledged.length === 3);
  assert.equal(said("slack").length, 1);
  sink("slack").ready = true;
  await end();
});

Deno.test("in memory, what waits is sent early where the source hands out little more before that is confirmed", async () => {
  const { source, said, end } = opened({ thresholds: { wait: hour } });
  source.maxUnacknowledged = 10;
  source.put(restart("web", 0));
  for (let other = 0; other < 4; other++) source.put(updateJson({}, "Started", start, {}));
  await waitFor("the program's alert", () => said("amqp").length === 1);
  assert.deepEqual([said("slack"), source.acknowledged], [[], []]);
  source.put(updateJson({}, "Started", start, {}));
  await waitFor("people's message", () => said("slack").length === 1);
  await waitFor("all acknowledged", () => source.acknowledged.length === 6);
  await end();
});

Deno.test("in memory, what waits is sent when the program stops, and holds no batch for ever", async () => {
  const { source, said, end } = opened({ thresholds: { wait: hour } });
  source.put(restart("web", 0));
  await waitFor("the programs' alert", () => said("amqp").length === 1);
  assert.deepEqual(source.acknowledged, []);
  await end();
  assert.deepEqual([said("slack"), source.acknowledged], [["web.app/run first"], [0]]);
});

Deno.test("a group that waits survives a kill, with its id; later loops join it", async () => {
  using folder = stateFolder();
  const first = opened({ file: folder.file, thresholds: { wait: hour } });
  first.source.put(restart("web", 0));
  await waitFor("the commit", () => first.source.acknowledged.length === 1);
  const file = folder.copy();
  await first.end();
  const second = opened({ file, thresholds: { wait: hour } });
  second.source.put(restart("web", 1));
  await second.end();
  assert.deepEqual(second.said("slack"), ["web.app/run first"]);
  const [early, whole] = [first.got.slack![0]!, second.got.slack![0]!];
  assert.deepEqual([whole.id, whole.loop, whole.name], [early.id, early.loop, early.name]);
  assert.deepEqual([early.group!.counts.active, whole.group!.counts.active], [1, 2]);
});

Deno.test("loops that people were notified of one by one stay single until they are resolved", async () => {
  using folder = stateFolder();
  const { file } = folder;
  const single = opened({ file, mode: "batch", thresholds: "none" });
  single.source.put(restart("web", 0, 0));
  await single.end();
  assert.deepEqual(single.said("slack"), ["web.app[0] first"]);
  const grouped = opened({ file, mode: "batch" });
  grouped.source.put(restart("web", 1, 5), restart("other", 0, 3700));
  await grouped.end();
  assert.deepEqual(grouped.said("slack"), [
    "web.app/run first",
    "web.app[0] resolved",
    "web.app/run resolved",
    "other.app/run first",
  ]);
});

Deno.test("what was notified as single and is muted now stays single: people get its end", async () => {
  const { grouping, said, end } = opened();
  const loop = alertId("web");
  const name = "web.group[0]/server";
  const active = groupAlert("repeat", { name, loop });
  const muted = { ...active, details: { ...active.details!, Muted: "as EXCLUDE says" } };
  grouping!.restore({ loops: () => [name], loop: () => ({ alert: muted, notified: 1 }) }, 1n);
  const resolved = groupAlert("resolved", { name, loop });
  grouping!.take({ reason: "resolved", name, cause: "it completed", alert: resolved }, 2n);
  await end();
  assert.deepEqual(said("slack"), [`${name} resolved`]);
});

Deno.test("restore() takes no loop of which no sink knows for a single one", async () => {
  const { grouping, said, end } = opened();
  const loop = alertId("web");
  const name = "web.group[0]/server";
  const alert = groupAlert("repeat", { name, loop });
  grouping!.restore({ loops: () => [name], loop: () => ({ alert, notified: 0 }) }, 1n);
  grouping!.take({ reason: "repeat", alert }, 2n);
  await end();
  assert.deepEqual(said("slack"), ["shop/web.group/server first"]);
});

Deno.test("a repeat goes to the people that the job wants to have it now; its end to all that got an alert", async () => {
  let wanted = ["slack"];
  const accepts = (name: string) => (alert: Alert) => alert.group !== undefined || wanted.includes(name);
  const readers = ["slack", "pagerduty"].map((name) => ({ ...people, name, accepts: accepts(name) }));
  const { grouping, said, end } = opened({ mode: "batch", readers, thresholds: { wait: 0n } });
  const loop = alertId("web");
  const name = "web.group[0]/server";
  const take = (reason: "first" | "repeat", now: bigint, repeats = 0) => {
    grouping!.take({ reason, alert: groupAlert(reason, { name, loop, repeats }) }, now);
    grouping!.due(now);
  };
  take("first", 1n);
  wanted = ["slack", "pagerduty"];
  take("repeat", 2n, 1);
  wanted = ["pagerduty"];
  take("repeat", 3n, 2);
  wanted = [];
  const resolved = groupAlert("resolved", { name, loop });
  grouping!.take({ reason: "resolved", name, cause: "it completed", alert: resolved }, 4n);
  await end();
  const group = "shop/web.group/server";
  assert.deepEqual([said("slack"), said("pagerduty")], [
    [`${group} first`, `${group} repeat`, `${group} resolved`],
    [`${group} first`, `${group} repeat`, `${group} resolved`],
  ]);
});

Deno.test("a loop that ended while loops were not grouped is resolved at the next start with groups", async () => {
  using folder = stateFolder();
  const { file } = folder;
  const grouped = opened({ file, mode: "batch" });
  grouped.source.put(restart("web", 0, 0));
  await grouped.end();
  const single = opened({ file, mode: "batch", thresholds: "none" });
  single.source.put(restart("other", 0, 3700));
  await single.end();
  const again = opened({ file, mode: "batch" });
  await again.end();
  assert.deepEqual(again.said("slack"), ["web.app/run resolved"]);
});

Deno.test("groups of sinks that are not used any more are forgotten; their loops go on as single ones", async () => {
  using folder = stateFolder();
  const { file } = folder;
  const before = opened({ file, mode: "batch", readers: [{ ...people, name: "teams" }] });
  before.source.put(restart("web", 0, 0));
  await before.end();
  const after = opened({ file, mode: "batch" });
  after.source.put(restart("other", 0, 3700));
  await after.end();
  assert.deepEqual(after.said("slack"), ["web.app[0] resolved", "other.app/run first"]);
  await using store = new SqliteStore(file, { sinks: [], newerReplaces: false });
  const kept = [...store.kept.entries<object>("groups")].map(([key]) => key.split(" ")[0]);
  assert.deepEqual(kept, ["slack"]);
});
