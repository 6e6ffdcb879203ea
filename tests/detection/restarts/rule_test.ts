// The rule, as a table: what is made of restarts, and of time going by. Times are nanoseconds.
import assert from "node:assert/strict";
import { alertId } from "../../../src/detection/alert/alert.ts";
import { maxRestarts, RestartsRule, type RestartsThresholds } from "../../../src/detection/restarts/rule.ts";
import type { Decision } from "../../../src/detection/rule.ts";
import { TestJournal } from "../../helpers/journal.ts";
import { restart } from "../../helpers/restarts.ts";

/** Three restarts younger than 100 are a loop, which repeats every 50. */
const thresholds: RestartsThresholds = { restartCount: 3, restartInterval: 100n, notificationInterval: 50n };

const [least, most] = [-(1n << 63n), (1n << 63n) - 1n];

function detector(differs: Partial<RestartsThresholds> = {}, journal = new TestJournal()): RestartsRule {
  return new RestartsRule({ ...thresholds, ...differs }, journal);
}

/** A decision in words: `first a: 0 1 2`, `below-threshold 1`. */
function words(decision: Decision): string {
  switch (decision.reason) {
    case "first":
    case "repeat":
      return `${decision.reason} ${decision.alert.name}: ${decision.alert.eventLog.join(" ")}`;
    case "resolved":
      return `resolved ${decision.name}`;
    case "below-threshold":
    case "already-notified":
      return `${decision.reason} ${decision.counted}`;
    default:
      return decision.reason;
  }
}

/** All that is due, in words. */
function due(detector: RestartsRule, now: bigint): string {
  const decisions: Decision[] = [];
  do decisions.push(...detector.due(now, 1000)); while (
    detector.nextDue !== undefined && detector.nextDue <= now
  );
  return decisions.map(words).join(", ") || "nothing";
}

/** At a time, a restart of that time or of another, or time alone; and what is made of it. */
type FailureStreak = readonly [
  now: bigint,
  what: "restart" | "due" | Partial<Parameters<typeof restart>[0]>,
  is: string,
];

interface Case {
  readonly title: string;
  readonly differs?: Partial<RestartsThresholds>;
  /** What falls due is asked for in the rows only, not before every restart. */
  readonly late?: boolean;
  readonly rows: readonly FailureStreak[];
}

/** Rows of restarts at these times that are below the threshold, one more each. */
function below(...times: bigint[]): FailureStreak[] {
  return times.map((time, index) => [time, "restart", `below-threshold ${index + 1}`]);
}

/** A loop that notifies at 2. */
const notified: FailureStreak[] = [...below(0n, 1n), [2n, "restart", "first a: 0 1 2"]];

const cases: readonly Case[] = [
  {
    title: "a loop notifies at the restart that completes it, not before",
    rows: [...below(0n, 1n), [1n, "due", "nothing"], [2n, "restart", "first a: 0 1 2"]],
  },
  {
    title: "with RESTART_COUNT=1 the first restart notifies",
    differs: { restartCount: 1 },
    rows: [[7n, "restart", "first a: 7"], [8n, "restart", "already-notified 2"]],
  },
  {
    title: "a restart counts while it is younger than the interval, to the nanosecond",
    differs: { restartCount: 2 },
    rows: [...below(0n), [99n, "restart", "first a: 0 99"]],
  },
  {
    title: "a restart as old as the interval counts no longer",
    differs: { restartCount: 2 },
    rows: [...below(0n), [100n, "restart", "below-threshold 1"], [101n, "restart", "first a: 100 101"]],
  },
  {
    title: "a restart that is too old when it comes is not counted, to the nanosecond",
    rows: [[100n, { time: 0n }, "outside-window"], [100n, { time: 1n }, "below-threshold 1"]],
  },
  {
    title: "a restart from long ago is not counted, nor one of the first nanosecond there is",
    rows: [[1_000n, { time: -1n }, "outside-window"], [1_000n, { time: least }, "outside-window"]],
  },
  {
    title: "a time in the future counts, until it is as old as the interval",
    differs: { restartCount: 2 },
    rows: [
      [0n, { time: 150n }, "below-threshold 1"],
      [249n, "restart", "first a: 150 249"],
      [299n, "due", "resolved a"],
    ],
  },
  {
    title: "twice the interval ahead is the last time that is not far in the future",
    differs: { restartCount: 2 },
    rows: [[0n, { time: 200n }, "below-threshold 1"], [299n, "restart", "first a: 200 299"]],
  },
  {
    title: "a time far in the future counts for twice the interval, to the nanosecond",
    differs: { restartCount: 2 },
    rows: [[0n, { time: 201n }, "below-threshold 1"], [199n, "restart", "first a: 201 199"]],
  },
  {
    title: "a time far in the future does not count indefinitely",
    differs: { restartCount: 2 },
    rows: [
      [0n, { time: most }, "below-threshold 1"],
      [200n, "restart", "below-threshold 1"],
      [201n, { time: 1_000_000n }, "first a: 200 1000000"],
    ],
  },
  {
    title: "a time far in the future is counted once, also when it comes again later",
    rows: [
      [0n, { time: 1_000n }, "below-threshold 1"],
      [10n, { time: 1_000n }, "duplicate"],
      [199n, { time: 1_000n }, "duplicate"],
      [199n, { time: 1_001n }, "below-threshold 2"],
    ],
  },
  {
    title: "restarts out of order are counted as those in order, and logged in order of arrival",
    rows: [
      [10n, { time: 10n }, "below-threshold 1"],
      [11n, { time: 5n }, "below-threshold 2"],
      [12n, { time: 7n }, "first a: 10 5 7"],
    ],
  },
  {
    title: "out of order, the oldest leaves first",
    rows: [
      [60n, { time: 60n }, "below-threshold 1"],
      [61n, { time: 0n }, "below-threshold 2"],
      [100n, { time: 50n }, "below-threshold 2"],
      [101n, "restart", "first a: 60 50 101"],
    ],
  },
  {
    title: "the same restart is counted once, however often it comes",
    rows: [...below(0n), [0n, "restart", "duplicate"], [50n, { time: 0n }, "duplicate"], [
      51n,
      "restart",
      "below-threshold 2",
    ], [99n, { time: 0n }, "duplicate"]],
  },
  {
    title: "restarts of one time are different ones where allocation or task differ",
    rows: [
      [0n, { allocation: "x" }, "below-threshold 1"],
      [0n, { allocation: "y" }, "below-threshold 2"],
      [0n, { allocation: "x" }, "duplicate"],
      [0n, { allocation: "x", task: "other" }, "first a: 0 0 0"],
      [0n, { allocation: "y" }, "duplicate"],
    ],
  },
  {
    title: "all allocations and tasks of a name are counted together, names apart",
    rows: [
      [0n, { name: "a", allocation: "x" }, "below-threshold 1"],
      [0n, { name: "b", allocation: "x" }, "below-threshold 1"],
      [1n, { name: "a", allocation: "y" }, "below-threshold 2"],
      [2n, { name: "a", task: "other" }, "first a: 0 1 2"],
      [3n, { name: "b", allocation: "y" }, "below-threshold 2"],
      [4n, { name: "b" }, "first b: 0 3 4"],
    ],
  },
  {
    title: "names that objects inherit are names as all others",
    differs: { restartCount: 1 },
    rows: [[0n, { name: "__proto__" }, "first __proto__: 0"], [
      0n,
      { name: "constructor" },
      "first constructor: 0",
    ]],
  },
  {
    title: "an active loop does not notify at each restart",
    rows: [...notified, [3n, "restart", "already-notified 4"], [51n, "restart", "already-notified 5"]],
  },
  {
    title: "a loop repeats when the notification interval has passed, without a restart, to the nanosecond",
    rows: [...notified, [51n, "due", "nothing"], [52n, "due", "repeat a: 0 1 2"], [52n, "due", "nothing"]],
  },
  {
    title: "repeats are exactly an interval apart, also when time is looked at late",
    differs: { restartInterval: 1_000n },
    rows: [
      ...notified,
      [59n, "due", "repeat a: 0 1 2"],
      [101n, "due", "nothing"],
      [102n, "due", "repeat a: 0 1 2"],
      [151n, "due", "nothing"],
      [152n, "due", "repeat a: 0 1 2"],
    ],
  },
  {
    title: "repeats that were slept through are made up for by one",
    differs: { restartInterval: 1_000n },
    rows: [
      ...notified,
      [239n, "due", "repeat a: 0 1 2"],
      [251n, "due", "nothing"],
      [252n, "due", "repeat a: 0 1 2"],
    ],
  },
  {
    title: "a repeat has the restarts that count then",
    rows: [
      ...notified,
      [20n, "restart", "already-notified 4"],
      [52n, "due", "repeat a: 0 1 2 20"],
      [101n, { time: 70n }, "already-notified 3"],
      [102n, "due", "resolved a"],
    ],
  },
  {
    title: "a loop repeats while just enough restarts are left, and is resolved with one less",
    differs: { notificationInterval: 97n },
    rows: [...notified, [99n, "due", "repeat a: 0 1 2"], [196n, "due", "resolved a"]],
  },
  {
    title: "at the time of the repeat a restart of that nanosecond counts no longer",
    differs: { notificationInterval: 98n },
    rows: [...notified, [100n, "due", "resolved a"]],
  },
  {
    title:
      "a loop that falls and rises inside the notification interval notifies when that has passed, not before",
    differs: { restartInterval: 10n },
    rows: [
      ...notified,
      [20n, "restart", "below-threshold 1"],
      [21n, "restart", "below-threshold 2"],
      [22n, "restart", "already-notified 3"],
      [45n, "restart", "below-threshold 1"],
      [46n, "restart", "below-threshold 2"],
      [51n, "restart", "already-notified 3"],
      [52n, "due", "repeat a: 45 46 51"],
    ],
  },
  {
    title: "a resolved loop notifies as soon as it is one again",
    differs: { restartInterval: 10n },
    rows: [
      ...notified,
      [50n, "restart", "below-threshold 1"],
      [51n, "restart", "below-threshold 2"],
      [52n, "due", "resolved a"],
      [52n, "restart", "first a: 50 51 52"],
      [53n, "restart", "already-notified 4"],
      [101n, "due", "nothing"],
      [102n, "due", "resolved a"],
    ],
  },
  {
    title: "a resolved loop is said once",
    rows: [...notified, [52n, "due", "repeat a: 0 1 2"], [102n, "due", "resolved a"], [
      152n,
      "due",
      "nothing",
    ]],
  },
  {
    title: "a duplicate in an active loop is a duplicate",
    rows: [...notified, [3n, { time: 0n }, "duplicate"], [52n, "due", "repeat a: 0 1 2"], [
      53n,
      { time: 0n },
      "duplicate",
    ]],
  },
  {
    title: "due() decides in the order of the deadlines, whatever the order of the keys",
    differs: { restartCount: 1 },
    rows: [
      [1n, { name: "z" }, "first z: 1"],
      [2n, { name: "m" }, "first m: 2"],
      [3n, { name: "b" }, "first b: 3"],
      [3n, { name: "z" }, "already-notified 2"],
      [53n, "due", "repeat z: 1 3, repeat m: 2, repeat b: 3"],
      [103n, "due", "resolved z, resolved m, resolved b"],
    ],
  },
  {
    title: "a restart recorded before due() changes nothing about when the loop notifies",
    late: true,
    rows: [...notified, [60n, "restart", "already-notified 4"], [60n, "due", "repeat a: 0 1 2 60"], [
      102n,
      "due",
      "resolved a",
    ]],
  },
  {
    title: "nanoseconds are exact where a JavaScript number is not",
    differs: { restartCount: 2, restartInterval: 300_000_000_000n },
    rows: [
      [1_499_867_806_677_608_921n, { time: 1_499_867_775_401_013_209n }, "below-threshold 1"],
      [1_499_867_806_677_608_921n, { time: 1_499_867_775_401_013_209n }, "duplicate"],
      [
        1_499_868_075_401_013_208n,
        { time: 1_499_867_775_401_013_210n },
        "first a: 1499867775401013209 1499867775401013210",
      ],
    ],
  },
  {
    title: "an intended restart counts",
    differs: { restartCount: 2 },
    rows: [[0n, { requested: true }, "below-threshold 1"], [1n, { requested: true }, "first a: 0 1"]],
  },
  {
    title: "an intended restart that is to be ignored does not count, and leaves no trace",
    differs: { restartCount: 2, ignoreRequested: true },
    rows: [
      [0n, { requested: true }, "requested"],
      [0n, {}, "below-threshold 1"],
      [1n, { requested: true }, "requested"],
      [2n, "restart", "first a: 0 2"],
    ],
  },
  {
    title: "restarts that no event showed count with the next one that an event shows",
    rows: [
      [0n, { missed: 1 }, "below-threshold 2"],
      [1n, "restart", "first a: 0 0 1"],
      [2n, { missed: 3 }, "already-notified 7"],
      [52n, "due", "repeat a: 0 0 1 2 2 2 2"],
    ],
  },
  {
    title: "restarts that no event showed count once, and leave with the one that an event showed",
    rows: [
      [0n, { missed: 5 }, "first a: 0 0 0 0 0 0"],
      [1n, { time: 0n, missed: 5 }, "duplicate"],
      [50n, "due", "repeat a: 0 0 0 0 0 0"],
      [99n, { time: 0n }, "duplicate"],
      [100n, "due", "resolved a"],
      [100n, "restart", "below-threshold 1"],
    ],
  },
  {
    title: "the longest intervals there are count as long",
    differs: { restartInterval: most, notificationInterval: most },
    rows: [
      ...notified,
      [1_000_000_000n, { time: 3n }, "already-notified 4"],
      [most - 1n, "due", "nothing"],
      [most - 1n, { time: most - 1n }, "already-notified 5"],
    ],
  },
];

for (const { title, differs, late, rows } of cases) {
  Deno.test(title, () => {
    const rule = detector(differs);
    for (const [now, what, is] of rows) {
      if (what === "due") assert.equal(due(rule, now), is, `due at ${now}`);
      else {
        if (!late) assert.equal(due(rule, now), "nothing", `a row is missing: due before ${now}`);
        const decision = rule.record(restart({ time: now, ...what as object }), now);
        assert.equal(words(decision), is, `restart at ${now}`);
      }
    }
  });
}

/** The alert of a decision; it must be one. */
function alertOf(decision: Decision) {
  assert.ok(decision.reason === "first" || decision.reason === "repeat", decision.reason);
  return decision.alert;
}

/** Records restarts, each at its own time. Yields the last decision. */
function record(
  rule: RestartsRule,
  times: readonly bigint[],
  differs: Parameters<typeof restart>[0] | object = {},
) {
  let last: Decision | undefined;
  for (const time of times) last = rule.record(restart({ time, ...differs }), time);
  return last!;
}

Deno.test("an alert has the update of the restart that completed the loop, and what its payload needs", () => {
  const alert = alertOf(record(detector(), [0n, 1n, 2n]));
  assert.deepEqual(alert, {
    id: alertId("a", "alloc", "task", "2"),
    loop: alertId("a", "alloc", "task", "2"),
    name: "a",
    reason: "first",
    lastEvent: "a/alloc/task at 2",
    eventLog: [0n, 1n, 2n],
  });
});

Deno.test("a repeat has the update of the restart that came last, be it older, not that of a duplicate", () => {
  const rule = detector();
  const { id } = alertOf(record(rule, [10n, 11n, 12n]));
  assert.equal(rule.record(restart({ time: 13n }), 13n).reason, "already-notified");
  assert.equal(rule.record(restart({ time: 5n, allocation: "late" }), 14n).reason, "already-notified");
  assert.equal(rule.record(restart({ time: 13n, update: "again" }), 15n).reason, "duplicate");
  const [repeat] = rule.due(62n, 10);
  assert.deepEqual(alertOf(repeat!), {
    id: alertId(id, "1"),
    loop: id,
    name: "a",
    reason: "repeat",
    lastEvent: "a/late/task at 5",
    eventLog: [10n, 11n, 12n, 13n, 5n],
  });
});

Deno.test("an alert that was handed out does not change afterwards", () => {
  const rule = detector();
  const alert = alertOf(record(rule, [0n, 1n, 2n]));
  const before = structuredClone(alert);
  record(rule, [3n, 4n]);
  rule.due(52n, 10);
  rule.due(500n, 10);
  assert.deepEqual(alert, before);
});

Deno.test("every alert about a name has an id of its own; the same input has the same ids", () => {
  const ids = () => {
    const rule = detector({ notificationInterval: 20n });
    const alerts = [alertOf(record(rule, [0n, 1n, 2n]))];
    for (const now of [22n, 42n, 62n]) alerts.push(alertOf(rule.due(now, 10)[0]!));
    assert.equal(rule.due(300n, 10)[0]!.reason, "resolved");
    alerts.push(alertOf(record(rule, [301n, 302n, 303n])));
    for (const now of [323n, 343n]) alerts.push(alertOf(rule.due(now, 10)[0]!));
    return alerts.map(({ id }) => id);
  };
  const once = ids();
  assert.equal(new Set(once).size, 7);
  assert.deepEqual(ids(), once);
});

Deno.test("a resolution is sent if NOTIFY_RESOLVED is on, once, with its own id and the remaining restarts", () => {
  const rule = detector({ notifyResolved: true });
  const { id } = alertOf(record(rule, [0n, 1n, 2n]));
  rule.record(restart({ time: 49n }), 49n);
  assert.equal(alertOf(rule.due(52n, 10)[0]!).reason, "repeat");
  const [decision] = rule.due(102n, 10);
  assert.ok(decision?.reason === "resolved");
  assert.deepEqual(decision.alert, {
    id: alertId(id, "resolved"),
    loop: id,
    name: "a",
    reason: "resolved",
    lastEvent: "a/alloc/task at 49",
    eventLog: [49n],
  });
  assert.deepEqual(rule.due(10_000n, 10), []);
  assert.equal(rule.names, 0);
});

Deno.test("of more unseen restarts than are kept of a name the newest are kept", () => {
  const rule = detector();
  const { limit, eventLog } = alertOf(rule.record(restart({ time: 0n, missed: 2 ** 31 }), 0n));
  assert.deepEqual([limit, eventLog.length], [maxRestarts, maxRestarts]);
});

Deno.test("nextDue is when there is something to do: the repeat, the end of a window", () => {
  const rule = detector();
  assert.equal(rule.nextDue, undefined);
  record(rule, [0n, 1n]);
  assert.equal(rule.nextDue, 100n);
  rule.record(restart({ time: 2n }), 2n);
  assert.equal(rule.nextDue, 52n);
  rule.due(52n, 10);
  assert.equal(rule.nextDue, 102n);
  rule.due(102n, 10);
  assert.equal(rule.nextDue, undefined);
});

Deno.test("due() does nothing before nextDue, and is done for the time at which it was asked", () => {
  const rule = detector({ restartCount: 2, notificationInterval: 30n });
  for (const name of ["a", "b", "c"]) record(rule, [0n, 1n], { name });
  for (let now = 2n; now < 200n; now++) {
    const { nextDue } = rule;
    const decisions = rule.due(now, 1_000);
    if (nextDue === undefined || now < nextDue) assert.deepEqual(decisions, [], `at ${now}`);
    assert.ok(rule.nextDue === undefined || rule.nextDue > now, `at ${now}`);
  }
  assert.equal(rule.nextDue, undefined);
});

Deno.test("due() looks at no more names in one call than it may, and at all in several", () => {
  const rule = detector({ restartCount: 1, notificationInterval: 10n });
  for (let index = 0; index < 95; index++) record(rule, [BigInt(index % 10)], { name: `name ${index}` });
  const slices: Decision[][] = [];
  while (rule.nextDue !== undefined && rule.nextDue <= 19n) slices.push(rule.due(19n, 10));
  assert.deepEqual(slices.map(({ length }) => length), [10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
  const alerts = slices.flat().map(alertOf);
  assert.equal(new Set(alerts.map(({ name }) => name)).size, 95);
  const times = alerts.map(({ eventLog }) => eventLog[0]!);
  assert.deepEqual(times, times.toSorted((a, b) => Number(a - b)), "those that fell due first come first");
  assert.deepEqual(rule.due(19n, 0), []);
});

Deno.test("a name is forgotten when its last restart leaves the window, to the nanosecond", () => {
  const rule = detector();
  record(rule, [0n, 30n], { name: "a" });
  record(rule, [31n], { name: "b" });
  assert.equal(rule.names, 2);
  rule.due(129n, 10);
  assert.equal(rule.names, 2);
  rule.due(130n, 10);
  assert.equal(rule.names, 1);
  rule.due(131n, 10);
  assert.equal(rule.names, 0);
});

Deno.test("a notified key is tracked until it may notify again", () => {
  const rule = detector({ restartInterval: 10n, notificationInterval: 1_000n });
  record(rule, [0n, 1n, 2n]);
  rule.due(1_001n, 10);
  assert.equal(rule.names, 1);
  assert.deepEqual(rule.due(1_002n, 10).map(words), ["resolved a"]);
  assert.equal(rule.names, 0);
});

Deno.test("a restart that does not count leaves no trace", () => {
  const journal = new TestJournal();
  const rule = detector({}, journal);
  rule.record(restart({ time: 0n }), 100n);
  assert.equal(rule.names, 0);
  assert.equal(rule.nextDue, undefined);
  journal.commit(100n);
  assert.deepEqual([...journal.kept.restarts()], []);
});

Deno.test("a million names that restart once are forgotten when their windows end", () => {
  const nothing = { counted() {}, dropped() {}, notified() {}, put() {} };
  const rule = new RestartsRule({ ...thresholds, restartInterval: 1_000n }, nothing);
  let maxNames = 0;
  for (let time = 0n; time < 1_000_000n; time++) {
    rule.due(time, 10);
    rule.record(restart({ time, name: String(time), update: "" }), time);
    maxNames = Math.max(maxNames, rule.names);
  }
  assert.equal(maxNames, 1_000);
});

Deno.test(`of one name the newest ${maxRestarts} restarts are kept, and its alert says so`, () => {
  const rule = detector({ restartInterval: 1_000_000n, notificationInterval: 20_000n });
  let { limit, eventLog } = alertOf(record(rule, [0n, 1n, 2n]));
  assert.equal(limit, undefined);
  const restarts = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => BigInt(from + i));
  assert.equal(words(record(rule, restarts(3, maxRestarts - 1))), `already-notified ${maxRestarts - 1}`);
  ({ limit, eventLog } = alertOf(rule.due(20_002n, 10)[0]!));
  assert.deepEqual([limit, eventLog.length], [undefined, maxRestarts - 1]);

  const late = restart({ time: 20_003n, allocation: "one more" });
  assert.equal(words(rule.record(late, 20_003n)), `already-notified ${maxRestarts}`);
  ({ limit, eventLog } = alertOf(rule.due(40_002n, 10)[0]!));
  assert.deepEqual([limit, eventLog.length, eventLog[0]], [maxRestarts, maxRestarts, 0n]);

  assert.equal(words(record(rule, restarts(40_003, 40_103))), `already-notified ${maxRestarts}`);
  ({ limit, eventLog } = alertOf(rule.due(60_002n, 10)[0]!));
  assert.deepEqual([limit, eventLog.length, eventLog[0]], [maxRestarts, maxRestarts, 100n]);
});

Deno.test("of one name as many restarts are kept as the threshold needs, where that is more", () => {
  const restartCount = maxRestarts + 500;
  const rule = detector({ restartCount, restartInterval: 1_000_000n });
  const times = Array.from({ length: restartCount }, (_, index) => BigInt(index));
  assert.equal(words(record(rule, times.slice(0, -1))), `below-threshold ${restartCount - 1}`);
  const { limit, eventLog } = alertOf(record(rule, times.slice(-1)));
  assert.deepEqual([limit, eventLog.length], [restartCount, restartCount]);
});

Deno.test("restore() goes on where the other stopped: windows, order of arrival, throttling, duplicates", () => {
  const journal = new TestJournal();
  const first = detector({}, journal);
  record(first, [10n, 5n, 12n], { name: "api" });
  first.record(restart({ time: 13n, name: "api" }), 13n);
  record(first, [20n, 19n], { name: "below" });
  first.record(restart({ time: 1_000n, name: "far" }), 20n);
  journal.commit(20n);

  const second = detector({}, journal);
  second.restore(journal.kept);
  assert.equal(second.names, 3);
  assert.equal(second.nextDue, 62n);
  assert.equal(words(second.record(restart({ time: 5n, name: "api" }), 21n)), "duplicate");
  assert.equal(words(second.record(restart({ time: 1_000n, name: "far" }), 21n)), "duplicate");
  assert.equal(words(second.record(restart({ time: 21n, name: "api" }), 21n)), "already-notified 5");
  assert.equal(words(second.record(restart({ time: 18n, name: "below" }), 22n)), "first below: 20 19 18");
  const [repeat] = second.due(62n, 10);
  assert.deepEqual(alertOf(repeat!), {
    id: alertId(alertId("api", "alloc", "task", "12"), "1"),
    loop: alertId("api", "alloc", "task", "12"),
    name: "api",
    reason: "repeat",
    lastEvent: "api/alloc/task at 21",
    eventLog: [10n, 5n, 12n, 13n, 21n],
  });
});

Deno.test("restore() after a long time: a missed repeat is sent once, a resolved loop stays resolved", () => {
  const journal = new TestJournal();
  const first = detector({ restartInterval: 1_000n }, journal);
  record(first, [0n, 1n, 2n], { name: "loops" });
  record(first, [3n, 4n], { name: "below" });
  journal.commit(4n);
  for (const [now, expected] of [[520n, "repeat loops: 0 1 2"], [5_000n, "resolved loops"]] as const) {
    const second = detector({ restartInterval: 1_000n }, new TestJournal());
    second.restore(journal.kept);
    assert.equal(due(second, now), expected);
    assert.equal(second.nextDue, expected.startsWith("repeat") ? 552n : undefined);
  }
});

Deno.test("restore() of what was kept reports nothing that is kept already", () => {
  const journal = new TestJournal();
  const first = detector({}, journal);
  record(first, [0n, 1n, 2n]);
  first.record(restart({ time: 500n, name: "far" }), 2n);
  journal.commit(2n);
  const reported: string[] = [];
  const second = new RestartsRule(thresholds, {
    counted: () => reported.push("counted"),
    dropped: () => reported.push("dropped"),
    notified: () => reported.push("notified"),
    put: () => reported.push("put"),
  });
  second.restore(journal.kept);
  assert.deepEqual(reported, []);
});

Deno.test("restore() counts what was kept by the interval of now, shorter or longer, and keeps it so", () => {
  for (
    const { restartInterval, countsAt, leavesAt } of [
      { restartInterval: 40n, countsAt: 49n, leavesAt: 50n },
      { restartInterval: 400n, countsAt: 409n, leavesAt: 410n },
    ]
  ) {
    const journal = new TestJournal();
    record(detector({}, journal), [10n]);
    journal.commit(10n);
    for (const start of ["first", "second"]) {
      const changed = { restartInterval, restartCount: 2 };
      const open = () => {
        const rule = detector(changed, journal);
        rule.restore(journal.kept);
        return rule;
      };
      const what = `${start} start with ${restartInterval}`;
      assert.equal(words(open().record(restart({ time: 10n }), 20n)), "duplicate", what);
      const now = countsAt;
      assert.equal(words(open().record(restart({ time: now }), now)), `first a: 10 ${now}`, what);
      assert.equal(words(open().record(restart({ time: leavesAt }), leavesAt)), "below-threshold 1", what);
      journal.lose();
      open();
      journal.commit(20n);
    }
    assert.deepEqual([...journal.kept.restarts()].map(([, restart]) => restart.leavesAt), [leavesAt]);
  }
});

Deno.test("restore() keeps the newest restarts where fewer are kept now than before", () => {
  const journal = new TestJournal();
  const restartCount = maxRestarts + 50;
  record(
    detector({ restartCount, restartInterval: 1_000_000n }, journal),
    Array.from({ length: restartCount }, (_, index) => BigInt(index)),
  );
  journal.commit(0n);
  for (const start of ["first", "second"]) {
    const rule = detector({ restartInterval: 1_000_000n }, journal);
    rule.restore(journal.kept);
    const { limit, eventLog } = alertOf(
      rule.due(restartCount + 50 > 0 ? BigInt(restartCount + 50) : 0n, 10)[0]!,
    );
    assert.deepEqual([limit, eventLog.length, eventLog[0]], [maxRestarts, maxRestarts, 50n], start);
    journal.lose();
    detector({ restartInterval: 1_000_000n }, journal).restore(journal.kept);
    journal.commit(0n);
    assert.equal([...journal.kept.restarts()].length, maxRestarts);
  }
});
