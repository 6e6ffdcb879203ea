// What the rule `failures` counts together, what it keeps over a restart, and its alerts.
import assert from "node:assert/strict";
import { runningSince } from "../../../src/detection/failures/streak.ts";
import { hours, name, randomLife, seconds, TrackedRule } from "../../helpers/failures_rule.ts";
import { Random } from "../../helpers/random.ts";
import {
  at,
  crash,
  crashes,
  decoded,
  giveUp,
  jobStopped,
  restarting,
  started,
  stop,
  type TaskUpdate,
  taskUpdate,
} from "../../helpers/runs.ts";

const apart: readonly (readonly [what: string, first: TaskUpdate, second: TaskUpdate])[] = [
  ["namespaces", { fields: { Namespace: "default" } }, { fields: { Namespace: "team-b" } }],
  ["tasks of an allocation", { task: "app" }, { task: "log" }],
  ["indexes", { index: 0 }, { index: 1 }],
  ["groups", { group: "a" }, { group: "b" }],
  ["dispatched jobs", { job: "mail/dispatch-1-a" }, { job: "mail/dispatch-2-b" }],
  ["nodes of a system job", { node: "n1", fields: { JobType: "system" } }, {
    node: "n2",
    allocation: "a2",
    fields: { JobType: "system" },
  }],
];

for (const [what, first, second] of apart) {
  Deno.test(`record() counts apart: ${what}`, () => {
    const rule = new TrackedRule();
    const mixed = [0, 1, 2].flatMap((index) => [
      ...crashes(1, index * 20, 20, first),
      ...index < 2 ? crashes(1, index * 20 + 5, 20, second) : [],
    ]);
    rule.take(mixed);
    assert.deepEqual(rule.said, ["41 first 3"]);
    assert.equal(rule.alerts[0]!.name, decoded(taskUpdate(first)).name);
    assert.equal(rule.rule.names, 2);
    rule.take(stop(at(50), jobStopped, second));
    assert.deepEqual(rule.wait(at(60)), []);
    assert.deepEqual(rule.take(crashes(3, 100, 20, { ...second, allocation: "a3" })), ["141 first 3"]);
  });
}

/** Tasks that are counted together. */
const together: readonly (readonly [what: string, first: TaskUpdate, second: TaskUpdate])[] = [
  ["a periodic job's children", { job: "backup/periodic-1" }, { job: "backup/periodic-2", allocation: "a2" }],
  ["allocations and nodes", { node: "n1" }, { node: "n2", allocation: "a2" }],
  ["nodes of a system job that nothing says is one", { node: "n1" }, { node: "n2", allocation: "a2" }],
];

for (const [what, first, second] of together) {
  Deno.test(`record() counts together: ${what}`, () => {
    const rule = new TrackedRule();
    rule.take([...crashes(2, 0, 20, first), ...crashes(1, 60, 20, second)]);
    assert.deepEqual(rule.said, ["61 first 3"]);
    assert.equal(rule.rule.names, 1);
  });
}

Deno.test("restore() resumes as if the detector had never stopped", () => {
  const updates = [
    ...crashes(4),
    started(at(100)),
    ...giveUp(at(101)),
    ...crashes(4, 200, 20, { allocation: "a2" }),
  ];
  for (let cut = 1; cut < updates.length; cut++) {
    const whole = new TrackedRule();
    whole.take(updates);
    const before = new TrackedRule();
    before.take(updates.slice(0, cut));
    const after = new TrackedRule({}, { streaks: before.streaks, now: at(200) });
    after.take(updates.slice(cut));
    assert.deepEqual([...before.said, ...after.said], whole.said, `cut at ${cut}`);
    assert.deepEqual(after.streaks, whole.streaks, `cut at ${cut}`);
  }
});

Deno.test("restore() resolves nothing before what happened meanwhile could arrive", () => {
  const before = new TrackedRule();
  before.take([...crashes(3), started(at(60))]);
  // The detector was away for five hours: the run may have been stable, or not.
  const now = at(18_000);
  const quiet = now + 30n * seconds;
  const unheard = new TrackedRule({}, { streaks: before.streaks, now });
  assert.deepEqual(unheard.wait(quiet - 1n), []);
  assert.deepEqual(unheard.wait(quiet), ["18030 resolved: it ran for 10 min"]);
  const failed = new TrackedRule({}, { streaks: before.streaks, now });
  failed.take([...crash(at(61)), ...crashes(1, 80)], now + seconds);
  assert.deepEqual(failed.wait(quiet - 1n), []);
  assert.deepEqual(failed.wait(quiet), ["18030 resolved: no event for 4 h 59 min 9 s"]);
});

Deno.test("restore() repeats nothing before what happened meanwhile could arrive", () => {
  const before = new TrackedRule();
  before.take(crashes(3));
  const now = at(9000);
  const stopped = new TrackedRule({}, { streaks: before.streaks, now });
  assert.deepEqual(stopped.take([...crashes(10, 60), ...stop(at(500))], now + seconds), [
    "9001 resolved: it was stopped",
  ]);
  const looping = new TrackedRule({}, { streaks: before.streaks, now });
  assert.deepEqual(looping.take(crashes(10, 60), now + seconds), []);
  assert.deepEqual(looping.wait(now + 31n * seconds), ["9030 repeat 13"]);
});

Deno.test("an alert lists the kept failures, and says if there can be more", () => {
  const rule = new TrackedRule({ restartCount: 99 });
  rule.take(crashes(99));
  assert.deepEqual([rule.alerts[0]!.eventLog.length, rule.alerts[0]!.limit], [99, undefined]);
  const more = new TrackedRule({ restartCount: 250 });
  more.take(crashes(250, 0, 5));
  const [alert] = more.alerts;
  assert.deepEqual([alert!.eventLog.length, alert!.limit, alert!.details!.Failures], [100, 100, 250]);
  assert.equal(alert!.eventLog.at(-1), at(249 * 5 + 1) + 2_000_000n);
});

Deno.test("failures that no event showed make a loop", () => {
  const rule = new TrackedRule({ restartCount: 5 });
  rule.take([restarting(at(0)), restarting(at(1), { fields: { MissedRestarts: 399 } })]);
  assert.deepEqual(rule.said, ["1 first 401"]);
  const { Failures, Missed } = rule.alerts[0]!.details!;
  assert.deepEqual([Failures, Missed], [401, 399]);
});

Deno.test("ids are reproducible, and different for each notification", () => {
  const life = [
    ...crashes(3),
    ...crashes(2, 3700),
    ...stop(at(4000)),
    ...crashes(3, 9000, 20, { allocation: "a2" }),
  ];
  const [one, other] = [new TrackedRule(), new TrackedRule()];
  one.take(life);
  other.take(life);
  assert.deepEqual(one.said, [
    "41 first 3",
    "3641 repeat 3",
    "4000 resolved: it was stopped",
    "9041 first 3",
  ]);
  assert.deepEqual(one.alerts, other.alerts);
  assert.equal(new Set(one.alerts.map(({ id }) => id)).size, 4);
});

Deno.test("due() looks at limit streaks at a time, and nextDue says that there are more", () => {
  const rule = new TrackedRule();
  for (let index = 0; index < 30; index++) rule.take(crashes(3, 0, 20, { index }), at(45));
  const now = at(45) + 1n * hours;
  const decisions: string[] = [];
  for (let calls = 0; rule.rule.nextDue! <= now; calls++) {
    assert.ok(calls < 10);
    const some = rule.rule.due(now, 7);
    assert.ok(some.length <= 7);
    decisions.push(...some.map(({ reason }) => reason));
  }
  assert.deepEqual(decisions, Array(30).fill("repeat"));
});

Deno.test("300 random lives: each failure counts once, in whatever order they are redelivered", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const { updates, failures, until } = randomLife(random);
    const rule = new TrackedRule({ restartCount: 1_000 });
    rule.take(updates);
    assert.equal(rule.streaks.get(name)?.failures ?? 0, failures, `seed ${seed}`);
    const before = rule.streaks.get(name);
    const isInOrder = random.chance(0.5);
    const part = random.chance(0.5) ? updates : updates.slice(random.below(updates.length));
    rule.take(isInOrder ? part : random.shuffle(part), at(until));
    const after = rule.streaks.get(name);
    assert.equal(after?.failures ?? 0, failures, `seed ${seed}, again`);
    if (before === undefined || after === undefined) continue;
    assert.deepEqual(after.log, before.log, `seed ${seed}, again`);
    if (failures > 0) assert.equal(after.clearedAt, before.clearedAt, `seed ${seed}, again`);
    if (isInOrder) assert.equal(runningSince(after), runningSince(before), `seed ${seed}, again`);
  }
});
