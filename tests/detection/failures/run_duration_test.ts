// Which runs are stable and end a streak, and which failure belongs to which run.
import assert from "node:assert/strict";
import { clear, newStreak, runningSince } from "../../../src/detection/failures/streak.ts";
import {
  at,
  crash,
  decoded,
  killing,
  restarting,
  started,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";
import { begun, failedOnce, since0342, streakOf, takeAll } from "../../helpers/streaks.ts";

/** So many seconds after its start the run ends and Nomad restarts the task. */
const lasting = (seconds: number) => [started(at(20)), ...crash(at(20 + seconds))];

Deno.test("take() ends the streak with a run that lasted exactly stableAfter, not with one a nanosecond shorter", () => {
  const stable = failedOnce();
  assert.deepEqual(takeAll(stable, lasting(600)), ["noted", "stable", "stable"]);
  const unstable = failedOnce();
  const end = at(620) - 1n;
  assert.deepEqual(takeAll(unstable, [started(at(20)), terminated(end), restarting(at(620))]), [
    "noted",
    "noted",
    "failed",
  ]);
  assert.equal(unstable.failures, 2);
});

Deno.test("take() measures the run, not the time that Nomad takes to kill it", () => {
  const streak = failedOnce();
  const events = [started(at(20)), terminated(at(619)), restarting(at(700))];
  assert.deepEqual(takeAll(streak, events), ["noted", "noted", "failed"]);
});

Deno.test("take() measures up to the failure if the exit was not seen", () => {
  assert.deepEqual(takeAll(failedOnce(), [started(at(20)), restarting(at(619.9))]), ["noted", "failed"]);
  assert.deepEqual(takeAll(failedOnce(), [started(at(20)), restarting(at(620))]), ["noted", "stable"]);
});

Deno.test("take() measures from the update's start time if the start was not seen", () => {
  const streak = newStreak(decoded(restarting(at(600))));
  assert.deepEqual(takeAll(streak, [restarting(at(600), since0342)]), ["stable"]);
  assert.equal(streak.failures, 0);
  assert.equal(streakOf(restarting(at(599.9), since0342)).failures, 1);
});

Deno.test("take() ignores an update's start time after the failure: it is that of the next run", () => {
  assert.equal(streakOf(restarting(at(600), begun("2026-11-24T04:00:00Z"))).failures, 1);
});

Deno.test("take() judges a run once: a task that cannot even be started fails each time", () => {
  const streak = newStreak(decoded(restarting(at(7200))));
  assert.deepEqual(takeAll(streak, crash(at(7200), since0342)), ["noted", "stable"]);
  clear(streak, at(7200.002));
  for (const [index, seconds] of [7215, 7230, 9000].entries()) {
    const steps = takeAll(streak, [
      taskUpdate({ type: "Driver Failure", time: at(seconds), ...since0342 }),
      restarting(at(seconds + 0.1), since0342),
    ]);
    assert.deepEqual(steps, ["noted", "failed"]);
    assert.equal(streak.failures, index + 1);
  }
});

Deno.test("take() judges a run once: what fails after a requested restart is another run", () => {
  const streak = failedOnce();
  const wanted = [started(at(20)), terminated(at(700), 130, 2), restarting(at(700.1), { reason: "" })];
  assert.deepEqual(takeAll(streak, wanted), ["noted", "stable", "noted"]);
  clear(streak, at(700));
  assert.deepEqual(takeAll(streak, [killing(at(701), { fails: true })]), ["failed"]);
});

Deno.test("take() judges a run once: the first crash counts, and then what fails long after", () => {
  const streak = streakOf(...crash(at(5), since0342).slice(1));
  assert.deepEqual(takeAll(streak, [restarting(at(1900), since0342)]), ["failed"]);
  assert.equal(streak.failures, 2);
});

Deno.test("take() counts a late failure, and leaves the current run as it is", () => {
  const streak = failedOnce();
  takeAll(streak, [started(at(20)), started(at(60))]);
  assert.deepEqual(takeAll(streak, [restarting(at(40), { delay: 5_000_000_000n })]), ["failed"]);
  assert.equal(streak.failures, 2);
  assert.equal(runningSince(streak), at(60));
  assert.equal(streak.nextAttempt, undefined);
  assert.deepEqual(streak.log.map(({ time }) => time), [at(1), at(40)]);
});

Deno.test("take() does not mix up a late failure with the run that ended meanwhile", () => {
  const streak = failedOnce();
  takeAll(streak, [started(at(20)), started(at(60)), terminated(at(61), 137, 9), restarting(at(40))]);
  assert.deepEqual([streak.failures, streak.ended], [2, undefined]);
  takeAll(streak, [restarting(at(61.1))]);
  assert.deepEqual([streak.failures, streak.ended?.signal], [3, 9]);
});

Deno.test("take() forgets when Nomad tries again once it has", () => {
  const streak = failedOnce();
  assert.equal(streak.nextAttempt, at(16));
  takeAll(streak, [started(at(16))]);
  assert.equal(streak.nextAttempt, undefined);
});
