// What a streak counts, keeps and forgets.
import assert from "node:assert/strict";
import { clear, newStreak } from "../../../src/detection/failures/streak.ts";
import { take } from "../../../src/detection/failures/take_event.ts";
import {
  at,
  crash,
  crashes,
  decoded,
  drained,
  giveUp,
  killing,
  restarting,
  started,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";
import { a2, failedOnce, failure, signaled, stableAfter, streakOf, takeAll } from "../../helpers/streaks.ts";

Deno.test("take() lets the streak begin with the earliest failure, and describes the newest", () => {
  const streak = streakOf(restarting(at(40)));
  const before = streak.lastEvent;
  takeAll(streak, [restarting(at(20)), restarting(at(30))]);
  assert.equal(streak.since, at(20));
  assert.deepEqual(streak.log.map(({ time }) => time), [at(20), at(30), at(40)]);
  assert.equal(streak.lastEvent, before);
  assert.equal(streak.failures, 3);
});

Deno.test("take() counts the same failures in any order", () => {
  const updates = [restarting(at(1)), ...crashes(4, 20), ...giveUp(at(120)), ...crashes(3, 150, 20, a2)];
  const turned = streakOf(restarting(at(1)));
  takeAll(turned, updates.toReversed());
  assert.equal(turned.failures, streakOf(...updates).failures);
  assert.equal(turned.failures, 9);
});

Deno.test("take() adds the failures that no event showed", () => {
  const streak = failedOnce();
  takeAll(streak, [restarting(at(20), { fields: { MissedRestarts: 17 } })]);
  assert.deepEqual([streak.failures, streak.missed, streak.log.length], [19, 17, 2]);
});

Deno.test("clear() ends the streak: older events do not count, newer ones do", () => {
  const streak = streakOf(...crashes(3).slice(2));
  clear(streak, at(100));
  assert.deepEqual(takeAll(streak, crashes(3)), [
    "noted",
    "noted",
    "duplicate",
    "noted",
    "noted",
    "duplicate",
    "noted",
    "noted",
    "duplicate",
  ]);
  assert.equal(streak.failures, 0);
  assert.deepEqual(takeAll(streak, [restarting(at(100))]), ["duplicate"]);
  assert.deepEqual(takeAll(streak, [restarting(at(100) + 1n)]), ["failed"]);
  assert.deepEqual([streak.failures, streak.since], [1, at(100) + 1n]);
});

Deno.test("clear() never goes back in time", () => {
  const streak = failedOnce();
  clear(streak, at(100));
  clear(streak, at(50));
  assert.deepEqual(takeAll(streak, [restarting(at(70))]), ["duplicate"]);
});

Deno.test("take() keeps how the last failed run ended, and why", () => {
  const streak = failedOnce();
  takeAll(streak, [started(at(20)), terminated(at(22), 137, 9), restarting(at(22.1))]);
  const { ended } = streak;
  assert.deepEqual(ended, {
    time: at(22),
    code: 137,
    signal: 9,
    outOfMemory: false,
    runtime: 2_000_000_000n,
    killed: false,
  });
  takeAll(streak, [
    failure("Driver Failure", "no such image").replace(String(at(21)), String(at(40))),
    restarting(at(41)),
  ]);
  assert.deepEqual([streak.ended, streak.cause], [undefined, "no such image"]);
  takeAll(streak, [started(at(60)), ...crash(at(61))]);
  assert.deepEqual([streak.ended && streak.ended.code, streak.cause], [1, ""]);
});

for (
  const [what, before] of [
    ["a failed health check", signaled("healthcheck", "healthcheck")],
    ["a stop", killing(at(21), { fields: drained })],
  ] as const
) {
  Deno.test(`take() knows that Nomad killed the process: ${what}`, () => {
    const streak = failedOnce();
    takeAll(streak, [started(at(20)), before, terminated(at(26), 137, 9), restarting(at(26.1))]);
    assert.equal(streak.ended?.killed, true);
    takeAll(streak, [started(at(40)), terminated(at(41), 137, 9), restarting(at(41.1))]);
    assert.equal(streak.ended?.killed, false);
  });
}

Deno.test("take() does not take a task that exits with 0 when it is killed for completed", () => {
  const streak = failedOnce();
  const dead = { ClientStatus: "complete", TaskState: "dead" };
  const steps = takeAll(streak, [
    started(at(20)),
    killing(at(21)),
    terminated(at(22), 0, 0, { fields: dead }),
  ]);
  assert.deepEqual(steps, ["noted", "noted", "noted"]);
});

Deno.test("take() keeps only the newest failures, events, allocations and characters", () => {
  const streak = failedOnce();
  const words = "x".repeat(10_000);
  for (let index = 0; index < 300; index++) {
    const of = { allocation: `b${index}`, event: { DisplayMessage: words } };
    takeAll(streak, [
      started(at(20 + index * 20), of),
      taskUpdate({ ...of, type: "Driver Failure", time: at(21 + index * 20) }),
      ...giveUp(at(22 + index * 20), of),
    ]);
  }
  assert.equal(streak.failures, 301);
  takeAll(streak, [
    taskUpdate({
      allocation: "b299",
      type: "Driver Failure",
      time: at(7000),
      event: { DisplayMessage: words },
    }),
  ]);
  assert.deepEqual([streak.log.length, streak.events.length, streak.runs.length], [100, 10, 10]);
  assert.equal(streak.log.at(-1)?.time, at(22 + 299 * 20) + 2_000_000n);
  const { lastEvent, ...rest } = streak;
  assert.ok(lastEvent.length > 10_000);
  const size = JSON.stringify(rest, (_, value) => typeof value === "bigint" ? String(value) : value).length;
  assert.ok(size < 15_000, `${size}`);
});

Deno.test("take() does not count failures that are older than all it keeps", () => {
  const updates = crashes(150);
  const streak = streakOf(...updates.slice(2));
  takeAll(streak, updates.slice(0, 2));
  assert.equal(streak.failures, 150);
  takeAll(streak, updates);
  assert.equal(streak.failures, 150);
});

Deno.test("take() works with a streak that was written and read again", () => {
  const updates = crashes(5).slice(2);
  const whole = streakOf(...updates);
  let kept = newStreak(decoded(updates[0]!));
  for (const update of updates) {
    take(kept, decoded(update), stableAfter);
    const text = JSON.stringify(
      kept,
      (_, value) => typeof value === "bigint" ? { int64: String(value) } : value,
    );
    kept = JSON.parse(text, (_, value) => typeof value?.int64 === "string" ? BigInt(value.int64) : value);
  }
  assert.equal(kept.failures, whole.failures);
  assert.deepEqual(kept.log, whole.log);
});
