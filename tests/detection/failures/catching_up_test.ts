// The rule `failures` and stale events, wrong clocks, and tasks without events.
import assert from "node:assert/strict";
import { idleTimeout } from "../../../src/detection/failures/deadlines.ts";
import { hours, name, seconds, TrackedRule } from "../../helpers/failures_rule.ts";
import {
  at,
  crash,
  crashes,
  drained,
  giveUp,
  jobStopped,
  restarting,
  started,
  stop,
  taskUpdate,
} from "../../helpers/runs.ts";

Deno.test("record() of stale failures notifies once, after the settle delay, if nothing followed", () => {
  const rule = new TrackedRule();
  const now = at(3600);
  assert.deepEqual(rule.take(crashes(5), now), []);
  assert.equal(rule.reasons.at(-1), "catching-up");
  assert.deepEqual(rule.wait(now + 2n * seconds - 1n), []);
  assert.deepEqual(rule.wait(now + 2n * seconds), ["3602 first 5"]);
});

Deno.test("record() of stale failures notifies nothing when the loop was resolved since", () => {
  for (const end of [stop(at(150)), [started(at(150))]]) {
    const rule = new TrackedRule();
    rule.take([...crashes(5), ...end], at(3600));
    assert.deepEqual(rule.wait(at(20_000)), []);
  }
});

Deno.test("record() of stale failures notifies after 30 s while more of them come", () => {
  const rule = new TrackedRule();
  // A node whose clock is a minute behind: all of its news are of the past.
  for (let index = 0; index < 60; index++) {
    const now = at(60 + index);
    rule.wait(now);
    rule.take([started(at(index)), ...crash(at(index + 0.5))], now);
  }
  assert.deepEqual(rule.said, ["90 first 30"]);
});

Deno.test("record() of stale failures waits again in a later catch-up", () => {
  const rule = new TrackedRule();
  rule.take([...crashes(5), ...stop(at(200))], at(3600));
  assert.deepEqual(rule.take(crashes(5, 5000, 20, { allocation: "a2" }), at(9000)), []);
  assert.equal(rule.reasons.at(-1), "catching-up");
  assert.deepEqual(rule.wait(at(9001)), []);
  assert.deepEqual(rule.take(stop(at(6000), jobStopped, { allocation: "a2" }), at(9001.5)), []);
  assert.deepEqual(rule.wait(at(30_000)), []);
});

Deno.test("a run that would have been stable before the last failure does not resolve the loop", () => {
  const rule = new TrackedRule();
  rule.take(crashes(3, 1000, 20, { allocation: "a2" }));
  rule.take([started(at(0))], at(1050));
  assert.deepEqual(rule.wait(at(4000)), []);
});

Deno.test("record() notifies at once when the last failure is fresh, though the first was stale", () => {
  const rule = new TrackedRule();
  rule.take(crashes(2), at(3600));
  assert.deepEqual(rule.take(crashes(1, 3590), at(3600)), ["3600 first 3"]);
});

Deno.test("with the clock of the events, no event is stale or of the future", () => {
  const rule = new TrackedRule({}, { streaks: new Map(), now: undefined });
  rule.take(crashes(1, 10_000, 20, { job: "later" }));
  assert.deepEqual(rule.take(crashes(3), at(10_001)), ["10001 first 3"]);
  assert.deepEqual(rule.take(crashes(3, 200_000, 20, { job: "clock" }), at(10_002)), ["10002 first 3"]);
});

Deno.test("record() ignores an event a day ahead, and takes one of a clock that is ahead by less", () => {
  const day = 86_400;
  const rule = new TrackedRule();
  rule.take(crashes(3, day + 1), at(0));
  assert.deepEqual([...new Set(rule.reasons)], ["outside-window"]);
  assert.equal(rule.rule.names, 0);
  assert.deepEqual(rule.take(crashes(3, day - 100), at(0)), ["0 first 3"]);
});

Deno.test("record() ignores a failure that is older than the idle timeout", () => {
  const rule = new TrackedRule();
  const now = at(0) + idleTimeout;
  rule.take([restarting(at(0))], now);
  assert.deepEqual(rule.reasons, ["outside-window"]);
  rule.take([restarting(at(0) + 1n)], now);
  assert.deepEqual(rule.reasons.at(-1), "below-threshold");
  rule.take([restarting(at(0) + 1n - idleTimeout)], now);
  assert.deepEqual(rule.reasons.at(-1), "outside-window");
  rule.take([restarting(-5n)], now);
  assert.deepEqual(rule.reasons.at(-1), "outside-window");
});

Deno.test("record() takes everything that happened to a known streak while the detector was down", () => {
  const before = new TrackedRule();
  before.take(crashes(2));
  const after = new TrackedRule({}, { streaks: before.streaks, now: at(20_000) });
  after.take(crashes(1, 3600), at(20_001));
  assert.equal(after.streaks.get(name)?.failures, 3);
});

Deno.test("a loop without events is resolved after the idle timeout, and forgotten", () => {
  const rule = new TrackedRule();
  rule.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  assert.deepEqual(
    rule.wait(at(100_000)),
    ["3641 repeat 3", "7241 repeat 3", "10841 resolved: no event for 3 h"],
  );
  assert.equal(rule.alerts.at(-1)!.reason, "resolved");
  assert.equal(rule.rule.names, 0);
  assert.equal(rule.streaks.size, 0);
});

Deno.test("a loop stays active through pauses that grow beyond the idle timeout", () => {
  const rule = new TrackedRule({ notificationInterval: 1000n * hours });
  rule.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  let time = 41;
  for (let pause = 3600; pause <= 16 * 3600; pause *= 2) {
    time += pause;
    const of = { allocation: `b${pause}` };
    rule.take([started(at(time - 1), of), ...giveUp(at(time), of)]);
  }
  assert.deepEqual(rule.said, ["41 first 3"]);
  assert.equal(rule.streaks.get(name)?.failures, 8);
  assert.deepEqual(rule.wait(at(10_000_000)), [
    `${time + 48 * 3600} resolved: no event for 48 h`,
  ]);
});

Deno.test("a running task is not idle", () => {
  const rule = new TrackedRule({ stableAfter: 24n * hours });
  rule.take([...crashes(3), started(at(60))]);
  assert.equal(rule.wait(at(60 + 86_399)).filter((said) => said.includes("resolved")).length, 0);
  assert.deepEqual(rule.wait(at(60 + 86_400)), ["86460 resolved: it ran for 24 h"]);
});

Deno.test("tasks that do not fail leave no trace, and those that failed are forgotten", () => {
  const rule = new TrackedRule();
  for (let index = 0; index < 1000; index++) {
    const of = { index };
    rule.take(
      [taskUpdate({ ...of, time: at(0) }), started(at(1), of), ...stop(at(500), drained, of)],
      at(500),
    );
  }
  assert.equal(rule.rule.names, 0);
  for (let index = 0; index < 1000; index++) rule.take(crashes(2, 1000, 20, { index }), at(1030));
  assert.equal(rule.rule.names, 1000);
  assert.deepEqual(rule.wait(at(1021) + 2_000_000n + idleTimeout - 1n), []);
  assert.equal(rule.rule.names, 1000);
  assert.deepEqual(rule.wait(at(1021) + 2_000_000n + idleTimeout), []);
  assert.deepEqual([rule.rule.names, rule.streaks.size, rule.rule.nextDue], [0, 0, undefined]);
});

Deno.test("a task that crashes once after a long run is soon forgotten", () => {
  const rule = new TrackedRule();
  const of = { fields: { TaskStartedAt: "2026-11-23T03:42:54Z" } };
  rule.take(crash(at(0), of));
  rule.take([started(at(20))]);
  rule.wait(at(20) + idleTimeout);
  assert.equal(rule.rule.names, 0);
});

/** Tasks that are counted by themselves, though their updates come mixed. */
