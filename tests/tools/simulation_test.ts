// When the two rules notify about tasks that crash for a day under Nomad's default policy.
import assert from "node:assert/strict";
import {
  type Crashing,
  nextDelay,
  type Notifications,
  notificationsOf,
  rules,
  simulate,
  table,
  tasks,
} from "./simulation.ts";

const [atOnce, after30s, after9min, onceADay] = tasks as [Crashing, Crashing, Crashing, Crashing];
const simulated = (rule: keyof typeof rules, task: Crashing): Notifications =>
  notificationsOf(rules[rule](), simulate(task).updates);
const hour = 3600;

Deno.test("simulate() fails three runs in each allocation, and waits twice as long from one to the next, up to an hour", () => {
  const { failures } = simulate(atOnce);
  const pauses = failures.map((time, index) => Math.round((time - (failures[index - 1] ?? 0)) * 10) / 10);
  assert.deepEqual(pauses.slice(1, 6), [15.1, 15.1, 30.1, 15.1, 15.1]);
  const between = pauses.filter((_, index) => index > 0 && index % 3 === 0);
  assert.deepEqual(between.slice(0, 10), [
    30.1,
    60.1,
    120.1,
    240.1,
    480.1,
    960.1,
    1920.1,
    3600.1,
    3600.1,
    3600.1,
  ]);
});

Deno.test("simulate() gives an allocation up only where three runs fail in half an hour", () => {
  const types = (task: Crashing) =>
    new Set(simulate(task).updates.map((update) => JSON.parse(update).TaskEvent.Type));
  assert.ok(types(after9min).has("Not Restarting"));
  assert.deepEqual([...types({ what: "", first: 1000, then: 1000 })], [
    "Started",
    "Terminated",
    "Restarting",
  ]);
});

Deno.test("nextDelay() doubles up to an hour, and starts over when an allocation lasted longer than that", () => {
  const delays: readonly (readonly [last: number, lasted: number, next: number])[] = [
    [0, 1, 30],
    [0, 10_000, 30],
    [30, 10_000, 60],
    [960, 1, 1920],
    [1920, 1, hour],
    [1920, hour + 1, 30],
    [hour, hour, hour],
    [hour, hour + 1, 30],
  ];
  for (const [last, lasted, next] of delays) {
    assert.equal(nextDelay(last, lasted), next, `${last}, ${lasted}`);
  }
});

for (const task of [atOnce, after30s, after9min]) {
  Deno.test(`failures notifies about a task that crashes ${task.what} at its fifth failure, and repeats each hour all day`, () => {
    const { notified, resolved } = simulated("failures", task);
    const fifth = simulate(task).failures[4]!;
    const expected: number[] = [];
    for (let time = fifth; time <= 24 * hour; time += hour) expected.push(time);
    assert.deepEqual(notified.map(Math.round), expected.map(Math.round));
    assert.ok(notified.length >= 23);
    assert.deepEqual(resolved, []);
  });
}

Deno.test("failures never notifies about a task that crashes once a day, nor does restarts", () => {
  const nothing = { notified: [], resolved: [] };
  assert.deepEqual(simulated("failures", onceADay), nothing);
  assert.deepEqual(simulated("restarts", onceADay), nothing);
});

Deno.test("restarts falls silent about the same tasks, or never notifies", () => {
  assert.deepEqual(simulated("restarts", atOnce), { notified: [150.7], resolved: [450.7] });
  assert.deepEqual(simulated("restarts", after30s), { notified: [], resolved: [] });
  assert.deepEqual(simulated("restarts", after9min), { notified: [], resolved: [] });
});

Deno.test("failures resolves ten minutes after a task that crashed runs again", () => {
  const crashing = simulate(atOnce).updates.slice(0, 40);
  const last = JSON.parse(crashing.findLast((update) => JSON.parse(update).TaskEvent.Type === "Started")!);
  const until = crashing.findLastIndex((update) => JSON.parse(update).TaskEvent.Type === "Started");
  const { notified, resolved } = notificationsOf(rules.failures(), crashing.slice(0, until + 1));
  assert.equal(notified.length, 1);
  assert.equal(resolved.length, 1);
  const begun = Date.parse(last.TaskStartedAt) - Date.parse("2026-11-24T03:42:54Z");
  assert.equal(Math.round(resolved[0]! * 10), Math.round(begun / 100) + 6000);
});

Deno.test("table() has a line for each task, in words", () => {
  assert.deepEqual(table().split("\n").map((line) => line.replaceAll(/ +/g, " ")), [
    "| the task crashes | failed runs | `restarts`, 5 in 5m | `failures`, 5 |",
    table().split("\n")[1]!,
    "| at once | 90 | once, after 2m31s; resolved after 7m31s | 24 times, first after 1m16s; active |",
    "| after 30 s | 87 | never | 24 times, first after 3m45s; active |",
    "| after 9 min | 63 | never | 24 times, first after 46m15s; active |",
    "| once a day | 1 | never | never |",
  ]);
});
