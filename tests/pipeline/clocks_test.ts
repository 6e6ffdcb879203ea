// Clocks that are wrong, on the whole way of messages: a node that is ahead, a node that is behind, and the machine's
// own, in both rules and with a state file.
import assert from "node:assert/strict";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { RestartsRule } from "../../src/detection/restarts/rule.ts";
import type { StateStore } from "../../src/state/store.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import { FailuresRule } from "../../src/detection/failures/rule.ts";
import { runPipeline } from "../../src/pipeline/pipeline.ts";
import type { Rule } from "../../src/detection/rule.ts";
import { hour, minute, second } from "../../src/lib/duration.ts";
import { testLog } from "../helpers/log.ts";
import { partsOf, TestSink } from "../helpers/sink.ts";
import { TestSource } from "../helpers/source.ts";
import { stateFolder } from "../helpers/state_files.ts";
import { haltTimers } from "../helpers/timers.ts";
import { taskUpdate } from "../helpers/runs.ts";

const wall = 1_800_000_000_000n * 1_000_000n;

const rules = {
  /** Three restarts within 5 minutes, repeated every 5 minutes. */
  restarts: (store: StateStore) =>
    new RestartsRule(
      { restartCount: 3, restartInterval: 5n * minute, notificationInterval: 5n * minute },
      store,
    ),
  /** Three failed runs, none of 5 minutes, repeated every 5 minutes. */
  failures: (store: StateStore) =>
    new FailuresRule({
      restartCount: 3,
      stableAfter: 5n * minute,
      notificationInterval: 5n * minute,
      notifyResolved: false,
    }, store),
} as const;

function followed(
  kind: keyof typeof rules,
  mode: "live" | "batch",
  store: StateStore = new MemoryStore({ sinks: ["test"], newerReplaces: false }),
) {
  const { log, lines } = testLog();
  const sink = new TestSink("test", 1_000);
  sink.ready = true;
  const notified: string[] = [];
  const send = sink.send.bind(sink);
  sink.send = (alert) => (notified.push(`${alert.name} ${alert.reason}`), send(alert));
  const rule: Rule = rules[kind](store);
  rule.restore(store.kept, mode === "live" ? BigInt(Date.now()) * 1_000_000n : undefined);
  const source = new TestSource(mode);
  const delivery = new Delivery([sink], partsOf(store), log);
  const ended = runPipeline({ source, rule, store, delivery, log }, new AbortController().signal);
  ended.catch(() => {});
  return { source, notified, ended, warnings: () => lines.filter((line) => line.startsWith("warning")) };
}

/** Restarts of a job, each with the start that follows it, from this time on, so many seconds apart. */
function crashes(count: number, from: bigint, job: string, node: string, apart = 10n): string[] {
  return Array.from({ length: count }, (_, index) => from + BigInt(index) * apart * second).flatMap((time) =>
    ([["Restarting", 0n], ["Started", 1n]] as const).map(([type, after]) =>
      taskUpdate({
        type,
        time: time + after * second,
        job,
        node,
        allocation: `${job} on ${node}`,
        event: { RestartReason: "Restart within policy" },
      })
    )
  );
}

const warning = (node: string, ahead: string) =>
  `warning The clock of node ${node} is ahead by ${ahead}: its events no longer move the time of the others. ` +
  "Set its clock, or see why NTP does not";

for (const kind of ["restarts", "failures"] as const) {
  const name = (job: string) => kind === "restarts" ? `${job}.web[0]` : `${job}.web[0]/app`;
  const first = (
    notified: readonly string[],
  ) => [...new Set(notified.filter((one) => one.endsWith("first")))];

  Deno.test(`${kind}: a node two hours ahead of the wall's clock does not silence the others, and is named`, async () => {
    using _timers = haltTimers(Number(wall / 1_000_000n));
    const { source, notified, ended, warnings } = followed(kind, "batch");
    const others = crashes(3, wall - minute, "others", "n1");
    source.put(...others.slice(0, 3), ...crashes(1, wall + 2n * hour, "fast", "n2"), ...others.slice(3));
    source.put(...crashes(3, wall + 2n * hour + 30n * second, "fast", "n2"));
    source.end();
    await ended;
    assert.deepEqual(first(notified).map((one) => one.split(".")[0]), ["others", "fast"]);
    assert.deepEqual(warnings(), [warning("n2", "2h")]);
  });

  Deno.test(`${kind}: in a recording of the past, one node that is ahead gives way to what the others say`, async () => {
    const { source, notified, ended, warnings } = followed(kind, "batch");
    const past = wall - 10_000n * hour;
    source.put(...crashes(2, past, "before", "n1"));
    source.put(...crashes(2, past + 2n * hour + 20n * second, "fast", "n2"));
    source.put(...crashes(12, past + 30n * second, "others", "n3"));
    source.put(...crashes(1, past + 2n * hour + 3n * minute, "fast", "n2"));
    source.put(...crashes(4, past + 3n * minute, "later", "n1"));
    source.end();
    await ended;
    const jobs = first(notified).map((one) => one.split(".")[0]);
    assert.ok(jobs.includes("others"), jobs.join());
    assert.ok(jobs.includes("later"), jobs.join());
    assert.equal(warnings().length, 1);
    assert.match(warnings()[0]!, /^warning The clock of node n2 is ahead by 1h5\dm\d+s: /);
  });

  Deno.test(`${kind}: hours in which nothing came are no clock that is ahead`, async () => {
    const { source, notified, ended, warnings } = followed(kind, "batch");
    const past = wall - 10_000n * hour;
    source.put(...crashes(2, past, "a", "n1"), ...crashes(3, past + 2n * hour, "b", "n2"));
    source.put(
      ...crashes(8, past + 4n * hour, "c", "n1"),
      ...crashes(8, past + 4n * hour + 90n * second, "d", "n2"),
    );
    source.end();
    await ended;
    assert.deepEqual(first(notified).map((one) => one.split(".")[0]), ["b", "c", "d"]);
    assert.deepEqual(warnings(), []);
  });

  Deno.test(`${kind}: a saved clock of events that is two hours ahead is set back at the start`, async () => {
    using folder = stateFolder();
    const context = { sinks: ["test"], newerReplaces: false };
    const runs = [];
    for (const now of [wall + 2n * hour, wall]) {
      using _timers = haltTimers(Number(now / 1_000_000n));
      await using store = new SqliteStore(folder.file, context);
      const run = followed(kind, "batch", store);
      run.source.put(...crashes(3, now - minute, "others", "n1"));
      run.source.end();
      await run.ended;
      runs.push({ notified: first(run.notified).length, warnings: run.warnings() });
    }
    assert.deepEqual(runs[0], { notified: 1, warnings: [] });
    assert.deepEqual(runs[1]!.warnings, [
      "warning State: the time of its events is ahead by 1h59m21s, from a clock that was wrong: it is set back",
    ]);
  });

  Deno.test(`${kind}: notifications while the wall clock was ahead silence nothing once it is right`, async () => {
    using timers = haltTimers(Number((wall + 3n * hour) / 1_000_000n));
    const { source, notified, ended, warnings } = followed(kind, "live");
    source.put(...crashes(3, wall + 3n * hour - 30n * second, "app", "n1"));
    await timers.pass(10);
    assert.deepEqual(notified, [`${name("app")} first`]);
    timers.set(Number(wall / 1_000_000n));
    source.put(...crashes(5, wall - 50n * second, "app", "n1"));
    await timers.pass(10);
    timers.set(Number((wall + 4n * minute) / 1_000_000n));
    source.put(...crashes(5, wall + 4n * minute - 50n * second, "app", "n1"));
    await timers.pass(10);
    timers.set(Number((wall + 5n * minute + second) / 1_000_000n));
    source.put(...crashes(1, wall + 5n * minute, "app", "n1"));
    await timers.pass(10);
    source.end();
    await ended;
    assert.deepEqual(notified, [`${name("app")} first`, `${name("app")} repeat`]);
    assert.deepEqual(warnings(), [
      "warning The clock of this machine was ahead, and went back by 3h: events and notifications with future " +
      "times no longer count against new restarts",
    ]);
  });
}

for (const ahead of [10n * minute, 3n * hour]) {
  Deno.test(`restarts: a state file of a time ${ahead / minute} min ahead makes one restart no loop`, async () => {
    using folder = stateFolder();
    const context = { sinks: ["test"], newerReplaces: false };
    const notified = [];
    for (const [now, count] of [[wall + ahead, 2], [wall, 1]] as const) {
      using _timers = haltTimers(Number(now / 1_000_000n));
      await using store = new SqliteStore(folder.file, context);
      const run = followed("restarts", "live", store);
      run.source.put(...crashes(count, now - 15n * second, "app", "n1"));
      run.source.end();
      await run.ended;
      notified.push(run.notified, run.warnings().length);
    }
    assert.deepEqual(notified, [[], 0, [], 1]);
  });
}

Deno.test("where several nodes agree, it is the wall's clock that is behind", async () => {
  using _timers = haltTimers(Number(wall / 1_000_000n));
  const { source, notified, ended } = followed("restarts", "batch");
  const both = crashes(10, wall + 2n * hour, "a", "n1", 1n)
    .flatMap((line, index) => [line, crashes(10, wall + 2n * hour, "b", "n2", 1n)[index]!]);
  source.put(...both, ...crashes(1, wall + 2n * hour + 11n * minute, "c", "n1"));
  source.end();
  await ended;
  assert.deepEqual([...new Set(notified.filter((one) => one.endsWith("repeat")))], [
    "a.web[0] repeat",
    "b.web[0] repeat",
  ]);
});

Deno.test("restarts that come too late to count have their own figure, and one warning for each node and hour", async () => {
  using timers = haltTimers(Number(wall / 1_000_000n));
  const { source, ended, warnings } = followed("restarts", "live");
  const late = (count: number, now: bigint) =>
    source.put(
      ...crashes(count, now - hour - 9n * second, "app", "slow", 1n).filter((_, index) => index % 2 === 0),
    );
  late(9, wall);
  source.put(...crashes(9, wall - hour, "other", "n2").filter((_, index) => index % 2 === 0));
  await timers.pass(1);
  assert.deepEqual(warnings(), []);
  late(20, wall);
  await timers.pass(1);
  timers.set(Number((wall + hour) / 1_000_000n) + 2);
  late(10, wall + hour);
  source.end();
  const { events, duplicates, outsideWindow } = await ended;
  assert.deepEqual({ events, duplicates, outsideWindow }, { events: 48, duplicates: 0, outsideWindow: 48 });
  assert.deepEqual(warnings().map((line) => line.replace(/[0-9hms]+ old/, "<time> old")), [
    ...Array(2).fill(
      "warning node slow: 10 restarts within the hour came too late to count, the last one <time> old: its clock is " +
        "slow, or the updates waited long. Compare its clock, and the length of the queue",
    ),
  ]);
});
