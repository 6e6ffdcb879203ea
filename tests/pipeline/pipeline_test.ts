// The whole way of messages, with a source and sinks in the test's hand: totals, the two clocks, what is notified when,
// and that what is acknowledged is kept.
import assert from "node:assert/strict";
import { mock } from "node:test";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { RestartsRule, type RestartsThresholds } from "../../src/detection/restarts/rule.ts";
import type { StateStore } from "../../src/state/store.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import { runPipeline, type Totals } from "../../src/pipeline/pipeline.ts";
import { FailuresRule } from "../../src/detection/failures/rule.ts";
import type { Rule } from "../../src/detection/rule.ts";
import { Counters } from "../../src/pipeline/counters.ts";
import { hour, second } from "../../src/lib/duration.ts";
import { settingsUpdate } from "../helpers/job_settings.ts";
import { noopState } from "../helpers/listen.ts";
import { testLog } from "../helpers/log.ts";
import { crashes, stop } from "../helpers/runs.ts";
import { partsOf, TestSink } from "../helpers/sink.ts";
import { TestSource } from "../helpers/source.ts";
import { stateFolder } from "../helpers/state_files.ts";
import { haltTimers, happened } from "../helpers/timers.ts";
import { type RestartFields, update } from "../helpers/updates.ts";
import { Tables } from "../helpers/tables.ts";
import { waitFor } from "../helpers/wait_for.ts";

const millisecond = 1_000_000n;
const day = 24n * hour;

/** Two restarts within 100 s are a loop, which repeats every 10 s. */
const thresholds: RestartsThresholds = {
  restartCount: 2,
  restartInterval: 100n * second,
  notificationInterval: 10n * second,
};

/** Counts how often it is asked what is due, and how many names it may look at. */
class WatchedDetector extends RestartsRule {
  readonly asked: number[] = [];
  override due(now: bigint, most: number) {
    this.asked.push(most);
    return super.due(now, most);
  }
}

interface Opened {
  readonly differs?: Partial<RestartsThresholds>;
  readonly ignoreRequested?: boolean;
  readonly sink?: TestSink;
  readonly store?: StateStore;
}

/** A way that is followed, until the source ends or `stop` is called. */
function followed(mode: "live" | "batch", { differs, ignoreRequested = false, ...opened }: Opened = {}) {
  const { log, lines } = testLog();
  const sink = opened.sink ?? new TestSink("test", 1_000);
  if (opened.sink === undefined) sink.ready = true;
  const context = { sinks: [sink.name], newerReplaces: mode === "live" };
  const store = opened.store ?? new MemoryStore(context);
  const notified: string[] = [];
  const send = sink.send.bind(sink);
  sink.send = (
    alert,
  ) => (notified.push(`${alert.name} ${alert.reason} ${alert.eventLog.length}`), send(alert));
  const delivery = new Delivery([sink], partsOf(store), log);
  const detector = new WatchedDetector({ ...thresholds, ignoreRequested, ...differs }, store);
  detector.restore(store.kept);
  const source = new TestSource(mode);
  const stop = new AbortController();
  const ended = runPipeline({ source, rule: detector, store, delivery, log }, stop.signal);
  ended.catch(() => {});
  return { source, sink, delivery, detector, store, lines, notified, ended, stop: () => stop.abort() };
}

/** Follows messages to their end, each a batch. Returns the alerts and the totals. */
async function all(messages: readonly string[], opened: Opened = {}) {
  const { source, ended, notified, lines, detector } = followed("batch", opened);
  for (const message of messages) source.put(message);
  source.end();
  return { totals: await ended, notified, lines, detector };
}

/** An update of a name, so many seconds after the year 2017's example. */
function at(seconds: number, made: RestartFields = {}): string {
  return update({ ...made, time: 1_499_867_775_401_013_209n + BigInt(seconds * 1000) * millisecond });
}

const other = (seconds: number) => at(seconds, { type: "Started" });

Deno.test("every message is counted as one of restarts, others and malformed; duplicates and intended beside", async () => {
  const messages = [
    at(0),
    at(0),
    other(0),
    "rubbish",
    at(1, { reason: "", task: "asked" }),
    at(2),
    "{}",
    at(3),
    "",
  ];
  const expected: Totals = {
    events: 5,
    others: 1,
    malformed: 3,
    duplicates: 1,
    outsideWindow: 0,
    requested: 0,
    alerts: 1,
  };
  assert.deepEqual((await all(messages)).totals, expected);
  const { totals, notified } = await all(messages, { ignoreRequested: true });
  assert.deepEqual(totals, { ...expected, requested: 1 });
  assert.deepEqual(notified, ["job.group[0] first 2"]);
});

Deno.test("an intended restart is counted unless it is to be ignored", async () => {
  const messages = [at(0, { reason: "" }), at(1, { reason: "" })];
  assert.deepEqual((await all(messages)).notified, ["job.group[0] first 2"]);
  const { notified, totals } = await all(messages, { ignoreRequested: true });
  assert.deepEqual(notified, []);
  assert.deepEqual([totals.events, totals.requested], [2, 2]);
});

Deno.test("bad messages are rejected one by one, and their batch is acknowledged, also where all are bad", async () => {
  const { source, ended } = followed("batch");
  source.put("rubbish", at(0), "{}", other(0));
  source.put("rubbish", "");
  source.put();
  source.end();
  await ended;
  assert.deepEqual(source.batch.map(({ rejected }) => rejected), [[0, 2], [0, 1], []]);
  assert.deepEqual(source.acknowledged, [0, 1, 2]);
});

Deno.test("what is decided is logged in words", async () => {
  const { lines } = await all([at(0), at(0), at(1), at(2), other(11.5), other(130), at(0)]);
  const name = "job.group[0]";
  assert.deepEqual(
    lines.map((line) => line.replace(/[0-9a-f]{32}/, "<id>")),
    [
      `debug ${name}: restart, below-threshold`,
      `debug ${name}: restart, duplicate`,
      `info ${name}: crash loop, 2 restarts; alert <id>`,
      `debug ${name}: restart, already-notified`,
      ...Array(10).fill(`info ${name}: still crash-looping, 3 restarts; alert <id>`),
      `info ${name}: resolved: it no longer restarts that often`,
      `debug ${name}: restart, outside-window`,
    ].toSpliced(13, 1),
  );
});

Deno.test("what a job mutes is logged and counted, and goes into no outbox; a job that lifts it has its alert at once", async () => {
  const time = 1_499_867_775_401_013_209n;
  const job = { job: "job", group: "group", task: "task" };
  const lift = settingsUpdate(time + 5n * second, undefined, job);
  const { lines, notified, totals } = await all([
    settingsUpdate(time, { enabled: "false" }, job),
    at(1),
    at(2),
    lift,
  ]);
  assert.deepEqual(notified, ["job.group[0] first 2"]);
  assert.deepEqual([totals.events, totals.others, totals.alerts], [2, 2, 1]);
  assert.deepEqual(lines.map((line) => line.replace(/[0-9a-f]{32}/, "<id>")), [
    "debug job.group[0]: restart, below-threshold",
    "info job.group[0]: crash loop, 2 restarts; muted as crashloop_enabled says",
    "info job.group[0]: crash loop, 2 restarts; alert <id>",
  ]);
});

Deno.test("on the clock of events a loop repeats at every interval that has passed by its events", async () => {
  const { notified } = await all([at(0), at(1), other(10.9), at(20), other(21), other(45)]);
  assert.deepEqual(notified, [
    "job.group[0] first 2",
    "job.group[0] repeat 2", // at 11
    "job.group[0] repeat 3", // at 21
    "job.group[0] repeat 3",
    "job.group[0] repeat 3",
  ]);
});

Deno.test("what falls due between two events of different names is notified in the order of time", async () => {
  const names = ["c", "a", "b"];
  const { notified } = await all([
    ...names.flatMap((name, index) => [at(index, { name }), at(index + 0.5, { name })]),
    other(32),
  ]);
  assert.deepEqual(notified.slice(0, 3), ["c first 2", "a first 2", "b first 2"]);
  const repeats = names.map((name) => `${name} repeat 2`);
  assert.deepEqual(notified.slice(3), [...repeats, ...repeats, "c repeat 2", "a repeat 2"]);
});

Deno.test("everything due is notified before the next event counts, even beyond the maximum of one go", async () => {
  const names = Array.from({ length: 1_234 }, (_, index) => `name ${index}`);
  const { notified, detector } = await all([
    ...names.map((name) => at(0, { name })),
    ...names.map((name) => at(1, { name })),
    at(11, { name: "late" }),
    at(11, { name: "late" }),
    at(11.001, { name: "late" }),
  ]);
  assert.deepEqual(notified.slice(1_234, 2_468).sort(), names.map((name) => `${name} repeat 2`).sort());
  assert.deepEqual(notified.slice(2_468), ["late first 2"]);
  assert.ok(detector.asked.every((most) => most === 100));
});

Deno.test("the clock of events does not go back: an event from before is judged at the newest one's time", async () => {
  const { notified, totals } = await all([at(0), other(100), at(0.001), at(50), at(0)]);
  assert.deepEqual(notified, ["job.group[0] first 2"]);
  assert.deepEqual(totals.duplicates, 0, "what left the window and comes again is too old, no duplicate");
});

Deno.test("the same input gives the same alerts, whenever it is read", async () => {
  const messages = Array.from({ length: 300 }, (_, index) => at(index * 7 % 290, { name: `n${index % 5}` }));
  const once = await all(messages);
  assert.ok(once.notified.length > 20);
  using _timers = haltTimers(1_900_000_000_000);
  assert.deepEqual((await all(messages)).notified, once.notified);
});

Deno.test("the clock of events never runs more than a minute ahead of the wall's", async () => {
  using _timers = haltTimers(1_800_000_000_000);
  const wall = 1_800_000_000_000n * millisecond;
  const made = (time: bigint, name = "a") => update({ time, name });
  const first = [made(wall, "b"), made(wall + second, "b")];
  const aMinute = 60n * second;
  const ahead = await all([...first, made(wall + second + aMinute - second), made(wall + 2n * second, "b")]);
  assert.equal(ahead.totals.alerts, 1 + 5, "a minute ahead moves the clock: b repeats until then");
  const beyond = await all([...first, made(wall + second + aMinute + 1n), made(wall + 2n * second, "b")]);
  assert.deepEqual(beyond.notified, ["b first 2"], "a nanosecond more does not");
});

Deno.test("an event from far in the future counts, and does not end the time of the others", async () => {
  using _timers = haltTimers(1_800_000_000_000);
  const wall = 1_800_000_000_000n * millisecond;
  const far = [0n, 1n, 2n].map((index) => update({ name: "far", time: wall + 400n * day + index }));
  const { notified } = await all([far[0]!, at(0), far[1]!, at(1), far[2]!, at(12)]);
  assert.deepEqual(notified, [
    "far first 2",
    "job.group[0] first 2",
    "far repeat 3",
    "job.group[0] repeat 2",
  ]);
});

/** Lets a loop of so many names become one, on the wall's clock. */
function loops(source: TestSource, names: readonly string[]): void {
  for (let restart = 0n; restart < 2n; restart++) {
    const time = BigInt(Date.now()) * millisecond + restart;
    source.put(...names.map((name) => update({ name, time })));
  }
}

Deno.test("on the wall clock a loop repeats on time, without a message", async () => {
  using timers = haltTimers();
  const { source, notified, lines, stop, ended } = followed("live");
  loops(source, ["a"]);
  await timers.pass(9_999);
  assert.deepEqual(notified, ["a first 2"]);
  await timers.pass(2);
  assert.deepEqual(notified, ["a first 2", "a repeat 2"]);
  await timers.pass(9_990);
  assert.equal(notified.length, 2);
  await timers.pass(10);
  assert.equal(notified.length, 3);
  await timers.pass(200_000);
  assert.equal(notified.length, 10, "at 0, 10, … 90 s; at 100 s the restarts are as old as the interval");
  assert.equal(lines.at(-1), "info a: resolved: it no longer restarts that often");
  stop();
  await ended;
});

Deno.test("on the wall's clock the time is the wall's, whatever the messages say", async () => {
  using timers = haltTimers();
  const { source, notified, stop, ended } = followed("live");
  const wall = BigInt(Date.now()) * millisecond;
  source.put(
    update({ time: wall + 1_000n * day, type: "Started" }),
    update({ time: wall }),
    update({ time: wall - 1n }),
  );
  source.put(
    update({ time: wall - 100n * second, name: "old" }),
    update({ time: wall - 99n * second, name: "old" }),
  );
  await timers.pass(5);
  assert.deepEqual(notified, ["job.group[0] first 2"]);
  stop();
  await ended;
});

Deno.test("many loops that fall due together are notified 100 at a time, with room for messages in between", async () => {
  const names = Array.from({ length: 1_800 }, (_, index) => `name ${index}`);
  const { source, notified, detector, stop, ended } = followed("live", {
    sink: readySink(5_000),
    differs: { notificationInterval: 300n * millisecond },
  });
  let turn = 0;
  const turns: { turn: number; decisions: number }[] = [];
  const due = detector.due.bind(detector);
  detector.due = (now, most) => {
    const decisions = due(now, most);
    turns.push({ turn, decisions: decisions.length });
    setTimeout(() => turn++, 0); // before the next of the pipeline's own timers
    return decisions;
  };
  loops(source, names);
  await waitFor("all to be notified twice", () => notified.length >= 2 * names.length);
  stop();
  await ended;
  const busy = turns.filter(({ decisions }) => decisions > 0);
  assert.ok(busy.length >= 4, `${busy.length} slices`);
  assert.ok(busy.every(({ decisions }) => decisions <= 100));
  assert.equal(new Set(busy.map(({ turn }) => turn)).size, busy.length, "two slices never follow at once");
  assert.deepEqual(new Set(notified.slice(1_800)), new Set(names.map((name) => `${name} repeat 2`)));
});

function readySink(concurrency: number): TestSink {
  const sink = new TestSink("test", concurrency);
  sink.ready = true;
  return sink;
}

Deno.test("intervals longer than timers can be do not make it wake all the time", async () => {
  const { source, ended, stop, notified } = followed("live", {
    differs: { restartInterval: 300n * day, notificationInterval: 200n * day },
  });
  const set = mock.method(globalThis, "setTimeout");
  try {
    loops(source, ["a"]);
    await waitFor("the alert", () => notified.length === 1);
    const max = Math.max(...set.mock.calls.map(({ arguments: [, milliseconds] }) => milliseconds ?? 0));
    assert.equal(max, 2 ** 31 - 1);
  } finally {
    set.mock.restore();
  }
  stop();
  await ended;
});

Deno.test("it ends when the input ended, every alert has arrived and every batch is acknowledged", async () => {
  const sink = new TestSink("test", 10);
  const { source, ended } = followed("batch", { sink });
  source.put(at(0), at(1));
  source.put(at(2, { name: "b" }), at(3, { name: "b" }));
  source.end();
  let over = false;
  ended.then(() => over = true);
  await happened();
  assert.deepEqual([sink.sending.length, over, source.acknowledged], [2, false, []]);
  sink.sending[1]!.confirm();
  await happened();
  assert.deepEqual([over, source.acknowledged], [false, []]);
  sink.sending[0]!.confirm();
  await ended;
  assert.deepEqual(source.acknowledged, [0, 1]);
});

Deno.test("an input that fails ends the pipeline with its failure", async () => {
  using timers = haltTimers();
  const { source, ended, notified } = followed("live");
  source.batches = async function* () {
    yield* [];
    await Promise.resolve();
    throw new Error("no such queue");
  };
  const other = followed("live");
  loops(other.source, ["a"]);
  await timers.pass(5);
  other.stop();
  await other.ended;
  await timers.pass(60_000);
  assert.equal(other.notified.length, 1, "no repeat after the end");
  source.end();
  await ended;
  assert.deepEqual(notified, []);
});

/** What a killed process would have: restarts, notified names and pending alerts. */
async function leftIn(copy: string): Promise<{ restarts: number; notified: number; alerts: number }> {
  await using store = new SqliteStore(copy, { sinks: ["test"], newerReplaces: true });
  return {
    restarts: [...store.kept.restarts()].length,
    notified: [...store.kept.notified()].length,
    alerts: store.outbox("test").size,
  };
}

Deno.test("no message is acknowledged before its effects are committed: a copy of the file at that moment has them", async () => {
  using folder = stateFolder();
  const sink = new TestSink("test", 10);
  const context = { sinks: ["test"], newerReplaces: true };
  await using store = new SqliteStore(folder.file, context);
  const { source, ended, stop } = followed("live", { sink, store });
  const copies: string[] = [];
  source.onAcknowledge = (number) => copies[number] = folder.copy();
  const time = BigInt(Date.now()) * millisecond;
  for (let batch = 0; batch < 20; batch++) {
    const name = `name ${Math.floor(batch / 2)}`; // every second batch completes a loop
    source.put(update({ name, time: time + BigInt(batch) }), update({ type: "Started" }), "rubbish");
    if (batch % 5 === 4) await waitFor("acknowledgements", () => source.acknowledged.length > batch - 3);
  }
  await waitFor("all acknowledgements", () => source.acknowledged.length === 20);
  for (const [batch, copy] of copies.entries()) {
    const { restarts, notified, alerts } = await leftIn(copy);
    const loops = Math.floor((batch + 1) / 2);
    assert.ok(restarts >= batch + 1, `${restarts} restarts when batch ${batch} was acknowledged`);
    assert.ok(notified >= loops && alerts >= loops, `${notified} notified, ${alerts} alerts pending`);
  }
  while (sink.sending.length > 0) {
    sink.sending[0]!.confirm();
    await happened();
  }
  stop();
  await ended;
});

Deno.test("killed between commit and acknowledgement: redelivered messages are duplicates, and nothing is notified twice", async () => {
  using folder = stateFolder();
  const context = { sinks: ["test"], newerReplaces: true };
  const time = BigInt(Date.now()) * millisecond;
  const messages = [update({ time }), update({ time: time + 1n })];
  let copy = "";
  {
    await using store = new SqliteStore(folder.file, context);
    const { source, ended, stop } = followed("live", { sink: readySink(1), store });
    source.put(...messages);
    await waitFor("the acknowledgement", () => source.acknowledged.length === 1);
    await waitFor("the alert to leave the outbox", async () => (await leftIn(folder.copy())).alerts === 0);
    copy = folder.copy(); // here it is killed: the broker never sees the acknowledgement
    stop();
    await ended;
  }
  await using store = new SqliteStore(copy, context);
  const { source, ended, stop, notified } = followed("live", { store });
  source.put(...messages);
  stop();
  const totals = await ended;
  assert.deepEqual([totals.events, totals.duplicates, totals.alerts], [2, 2, 0]);
  assert.deepEqual(notified, []);
  assert.deepEqual(source.acknowledged, [0]);
});

Deno.test("killed before the commit: nothing is acknowledged or notified, and redelivered messages notify once", async () => {
  using folder = stateFolder();
  const context = { sinks: ["test"], newerReplaces: true };
  const time = BigInt(Date.now()) * millisecond;
  const messages = [update({ time }), update({ time: time + 1n })];
  let copy = "";
  {
    await using store = new SqliteStore(folder.file, context);
    store.commit = () => {
      throw new Error("killed here");
    };
    const { source, notified, lines, ended } = followed("live", { sink: readySink(1), store });
    source.put(...messages);
    await waitFor("the attempt to commit", () => lines.some((line) => line.includes("killed here")));
    assert.deepEqual([source.acknowledged, notified], [[], []]);
    Reflect.deleteProperty(store, "commit");
    copy = folder.copy();
    source.end();
    await ended;
  }
  await using store = new SqliteStore(copy, context);
  assert.deepEqual([[...store.kept.restarts()], [...store.kept.notified()], store.outbox("test").size], [
    [],
    [],
    0,
  ]);
  const { source, ended, notified } = followed("live", { store });
  source.put(...messages);
  source.end();
  await ended;
  assert.deepEqual(notified, ["job.group[0] first 2"]);
  assert.deepEqual(source.acknowledged, [0]);
});

Deno.test("on the clock of events the windows of a recording outlive a start, be the wall years ahead", async () => {
  using folder = stateFolder();
  const context = { sinks: ["test"], newerReplaces: false };
  {
    await using store = new SqliteStore(folder.file, context);
    const { source, ended } = followed("batch", { differs: { restartCount: 3 }, store });
    source.put(at(0), at(1), ...[2, 3, 4].map((seconds) => at(seconds, { name: "notified" })));
    source.end();
    await ended;
    // As if the alert had not been confirmed: so there is something to commit before the first event.
    store.enqueue({ id: "0", loop: "0", name: "notified", reason: "first", lastEvent: "{}", eventLog: [] });
    store.commit(0n);
  }
  {
    await using store = new SqliteStore(folder.file, context);
    const { source, delivery, sink, ended } = followed("batch", { differs: { restartCount: 3 }, store });
    delivery.pump();
    await waitFor("the alert to be confirmed", () => sink.confirmed.length === 1);
    source.put("rubbish");
    await waitFor("the commit", async () => (await leftIn(folder.copy())).alerts === 0);
    source.end();
    await ended;
  }
  await using store = new SqliteStore(folder.file, context);
  const { source, ended, notified } = followed("batch", { differs: { restartCount: 3 }, store });
  source.put(at(5), at(6, { name: "notified" }));
  source.end();
  await ended;
  assert.deepEqual(notified, ["job.group[0] first 3"]);
});

Deno.test("the clock of events resumes: an input that starts over notifies nothing, what follows does", async () => {
  using folder = stateFolder();
  const input = [...[0, 1].map((seconds) => at(seconds)), other(1000)];
  const notified = [];
  for (const more of [[], [1001, 1002], []]) {
    await using store = new SqliteStore(folder.file, { sinks: ["test"], newerReplaces: false });
    const followedAgain = followed("batch", { store });
    followedAgain.source.put(...input, ...more.map((seconds) => at(seconds)));
    followedAgain.source.end();
    await followedAgain.ended;
    notified.push(followedAgain.notified.filter((one) => one.includes("first")));
  }
  assert.deepEqual(notified, [["job.group[0] first 2"], ["job.group[0] first 2"], []]);
});

Deno.test("an observer hears of events and of what time decides, and of no other update", async () => {
  const { log } = testLog();
  const store = new MemoryStore({ sinks: [], newerReplaces: false });
  const rule = new RestartsRule(thresholds, store);
  const source = new TestSource("batch");
  const heard: string[] = [];
  const observer = {
    recorded: ({ name }: { name: string }, { reason }: { reason: string }) =>
      void heard.push(`${name} ${reason}`),
    decided: ({ reason }: { reason: string }) => void heard.push(reason),
  };
  source.put(at(0), other(0.5), "rubbish", at(1), at(1));
  source.put(other(12), other(200));
  source.end();
  const delivery = new Delivery([], partsOf(store), log);
  const counters = new Counters();
  await runPipeline({ source, rule, store, delivery, log, observer, counters }, new AbortController().signal);
  assert.deepEqual(heard.slice(0, 4), [
    "job.group[0] below-threshold",
    "job.group[0] first",
    "job.group[0] duplicate",
    "repeat",
  ]);
  assert.equal(heard.at(-1), "resolved");
  assert.deepEqual([counters.events.first, counters.events.duplicate, counters.others, counters.malformed], [
    1,
    1,
    3,
    1,
  ]);
  assert.deepEqual([counters.alerts.first, counters.alerts.resolved], [1, 0]);
  assert.equal(counters.newest, 1_499_867_775_401_013_209n + 200n * second);
});

Deno.test("looping counts active loops that were notified, also after a start", () => {
  const restarts = new RestartsRule(thresholds, noopState);
  const runs = new FailuresRule({ ...thresholds, stableAfter: day, notifyResolved: true }, noopState);
  const tables = new Tables();
  const kept = { restarts: () => [], notified: () => [], entries: () => [] };
  runs.restore(kept, undefined);
  const journal = { ...noopState, put: tables.put };
  const keeping = new FailuresRule({ ...thresholds, stableAfter: day, notifyResolved: true }, journal);
  const hear = (rule: Rule, updates: readonly string[]) => {
    for (const text of updates) {
      const event = rule.decode(new TextEncoder().encode(text));
      if (event.kind !== "malformed" && event.kind !== "other") rule.record(event, event.time);
    }
  };
  hear(restarts, [at(0), at(1)]);
  assert.deepEqual([restarts.looping, [...restarts.loops()]], [1, ["job.group[0]"]]);
  restarts.due(1_499_867_775_401_013_209n + 300n * second, 10);
  assert.deepEqual([restarts.looping, [...restarts.loops()], restarts.loop("job.group[0]", 0n)], [
    0,
    [],
    undefined,
  ]);
  for (const rule of [runs, keeping]) {
    hear(rule, crashes(2));
    assert.deepEqual([rule.looping, [...rule.loops()]], [1, ["api.web[0]/app"]]);
  }
  const restarted = new FailuresRule({ ...thresholds, stableAfter: day, notifyResolved: true }, noopState);
  restarted.restore(tables, undefined);
  assert.equal(restarted.looping, 1);
  hear(runs, stop(1_795_491_900_000_000_000n));
  assert.deepEqual([runs.looping, [...runs.loops()]], [0, []]);
});
