// Events that are late, redelivered, or of several allocations of one task.
import assert from "node:assert/strict";
import { runningSince } from "../../../src/detection/failures/streak.ts";
import {
  at,
  crash,
  crashes,
  deployed,
  giveUp,
  jobStopped,
  killing,
  notRestarting,
  restarting,
  started,
  stop,
  type TaskUpdate,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";
import { a2, begun, failedOnce, since0342, streakOf, takeAll } from "../../helpers/streaks.ts";

Deno.test("take() follows a task to a node whose clock is behind", () => {
  const streak = failedOnce();
  const behind = { ...a2, node: "n2" };
  takeAll(streak, giveUp(at(21)));
  assert.deepEqual(takeAll(streak, [started(at(-60), behind), ...crash(at(-59), behind)]), [
    "noted",
    "noted",
    "failed",
  ]);
  takeAll(streak, [started(at(-40), behind)]);
  assert.equal(streak.failures, 3);
  assert.equal(runningSince(streak), at(-40));
  assert.equal(streak.node.ID, "n2");
});

Deno.test("take() counts a template that fails in allocation after allocation without ever starting", () => {
  const streak = streakOf(killing(at(1), { fails: true }));
  for (let index = 2; index <= 20; index++) {
    const of = { allocation: `a${index}` };
    const again = takeAll(streak, [
      taskUpdate({ ...of, time: at(index * 10) }),
      killing(at(index * 10 + 1), { ...of, fails: true }),
      killing(at(index * 10 + 2), of),
    ]);
    assert.deepEqual(again, ["noted", "failed", "noted"]);
  }
  assert.equal(streak.failures, 20);
});

Deno.test("take() ignores what happens late in a replaced allocation", () => {
  const streak = failedOnce();
  takeAll(streak, [
    started(at(20)),
    killing(at(30), { fields: deployed }),
    started(at(31), { ...a2, node: "n2" }),
  ]);
  assert.deepEqual(
    takeAll(streak, [
      terminated(at(700), 130, 2, { fields: deployed }),
      taskUpdate({ type: "Killed", time: at(701), fields: deployed }),
    ]),
    ["noted", "noted"],
  );
  assert.equal(runningSince(streak), at(31));
  assert.equal(streak.node.ID, "n2");
});

Deno.test("take() ends no streak when another allocation is stopped", () => {
  const streak = failedOnce();
  takeAll(streak, [
    ...stop(at(20)),
    taskUpdate({ ...a2, time: at(25) }),
    started(at(26), a2),
    ...crash(at(27), a2),
  ]);
  const late = taskUpdate({ type: "Killed", time: at(60), fields: jobStopped });
  assert.deepEqual(takeAll(streak, [late]), ["noted"]);
  assert.deepEqual(takeAll(streak, stop(at(61), jobStopped, { allocation: "a0" })), [
    "noted",
    "noted",
    "noted",
  ]);
  assert.deepEqual(takeAll(streak, stop(at(61), jobStopped, a2)), ["stopped", "stopped", "stopped"]);
});

Deno.test("take() ends the streak when an allocation is stopped before it started", () => {
  const streak = streakOf(...giveUp(at(1)).slice(1));
  assert.deepEqual(
    takeAll(streak, [taskUpdate({ ...a2, time: at(20) }), ...stop(at(25), jobStopped, a2)])[1],
    "stopped",
  );
  const failing = streakOf(...giveUp(at(1)).slice(1));
  takeAll(failing, [killing(at(20), { ...a2, fails: true })]);
  assert.deepEqual(takeAll(failing, stop(at(25), jobStopped, a2)), ["stopped", "stopped", "stopped"]);
  const unheard = streakOf(...giveUp(at(1)).slice(1));
  const received = taskUpdate({ ...a2, time: at(20), fields: jobStopped });
  assert.deepEqual(takeAll(unheard, [received]), ["stopped"]);
});

Deno.test("take() ignores the stop of a replaced allocation in a redelivered event", () => {
  const failed = notRestarting(at(1));
  const streak = streakOf(failed, started(at(20), a2), ...giveUp(at(21), a2));
  assert.deepEqual(takeAll(streak, [notRestarting(at(1), { fields: jobStopped })]), ["noted"]);
  assert.deepEqual(takeAll(streak, [notRestarting(at(21.002), { ...a2, fields: jobStopped })]), ["stopped"]);
});

Deno.test("take() ignores the old history of a job that was stopped and started again", () => {
  const streak = streakOf(restarting(at(1000), a2));
  takeAll(streak, crashes(3, 1010, 20, a2));
  const history = [taskUpdate({ time: at(0), fields: jobStopped }), ...stop(at(500))];
  assert.deepEqual(takeAll(streak, history), ["noted", "noted", "noted", "noted"]);
  assert.equal(streak.failures, 4);
});

Deno.test("take() ignores redelivered events of allocations from before the streak", () => {
  const history = [taskUpdate({ time: at(0) }), started(at(1)), ...stop(at(500), deployed)];
  const streak = streakOf(restarting(at(1000), a2));
  takeAll(streak, [started(at(1020), a2), ...history]);
  assert.equal(runningSince(streak), at(1020));
  assert.deepEqual(takeAll(streak, [terminated(at(1620), 1, 0, a2)]), ["stable"]);
});

Deno.test("take() ends no streak with a stop from before it", () => {
  const done = { ClientStatus: "complete", TaskState: "dead" };
  for (
    const history of [
      [started(at(0)), ...stop(at(700), deployed)],
      [started(at(0)), ...crash(at(700))],
      [started(at(0)), terminated(at(5), 0, 0, { fields: done })],
      [started(at(0)), ...stop(at(5))],
    ]
  ) {
    const streak = streakOf(...giveUp(at(1000), a2).slice(1));
    const steps = takeAll(streak, history);
    assert.deepEqual(steps.filter((step) => step !== "noted"), []);
    assert.equal(streak.failures, 1);
  }
});

/** Made so much later than others, as Nomad itself says. */
const made = (index: number, of: TaskUpdate = {}): TaskUpdate => ({
  ...of,
  allocation: of.allocation ?? `a${index}`,
  fields: { ...of.fields, CreateIndex: index },
});

Deno.test("take() ends the streak when a redelivered event says that the allocation is to stop", () => {
  const last = notRestarting(at(41), made(5));
  for (
    const streak of [streakOf(last), streakOf(restarting(at(1), made(5)), started(at(20), made(5)), last)]
  ) {
    assert.deepEqual(takeAll(streak, [last]), ["duplicate"]);
    assert.deepEqual(takeAll(streak, [notRestarting(at(41), made(5, { fields: jobStopped }))]), ["stopped"]);
    assert.equal(streak.events.filter(({ Type }) => Type === "Not Restarting").length, 1);
  }
});

Deno.test("take() knows the last allocation by its create index, whatever the clocks say", () => {
  const streak = streakOf(restarting(at(1), made(5)));
  takeAll(streak, [started(at(20), made(5))]);
  const behind = made(7, { node: "n2" });
  takeAll(streak, [taskUpdate({ ...behind, time: at(-601) }), started(at(-600), behind)]);
  assert.equal(runningSince(streak), at(-600));
  // Events of an older allocation are redelivered.
  takeAll(streak, [
    taskUpdate({ ...made(3), time: at(0) }),
    started(at(1), made(3)),
    started(at(15), made(4)),
  ]);
  assert.equal(runningSince(streak), at(-600));
  assert.equal(streak.node.ID, "n2");
  const done = { CreateIndex: 7, ClientStatus: "complete", TaskState: "dead" };
  assert.deepEqual(takeAll(streak, [terminated(at(-590), 0, 0, { ...behind, fields: done })]), ["completed"]);
});

Deno.test("take() works in a cluster that was set up from scratch, whose create indexes begin again", () => {
  const streak = streakOf(restarting(at(1), made(5000)));
  takeAll(streak, [started(at(20), made(5000)), started(at(60), made(12))]);
  assert.equal(runningSince(streak), at(60));
});

Deno.test("take() ignores garbage collection in allocations that failed long ago", () => {
  const streak = failedOnce();
  for (let index = 2; index <= 30; index++) {
    const of = { allocation: `a${index}` };
    takeAll(streak, [started(at(index * 10), of), ...giveUp(at(index * 10 + 1), of)]);
  }
  takeAll(streak, [started(at(400), { allocation: "a31" })]);
  for (const index of [2, 3, 25, 26]) {
    assert.deepEqual(takeAll(streak, [killing(at(500 + index), { allocation: `a${index}` })]), ["noted"]);
  }
  assert.equal(runningSince(streak), at(400));
  assert.deepEqual(takeAll(streak, [terminated(at(1000), 1, 0, { allocation: "a31" })]), ["stable"]);
});

Deno.test("take() recovers when more allocations are redelivered than it keeps", () => {
  const updates = [restarting(at(1))];
  for (let index = 2; index <= 40; index++) {
    const of = { allocation: `a${index}` };
    updates.push(
      taskUpdate({ ...of, time: at(index * 10) }),
      started(at(index * 10 + 1), of),
      ...giveUp(at(index * 10 + 2), of),
    );
  }
  updates.push(started(at(500), { allocation: "a41" }));
  const streak = streakOf(...updates);
  assert.equal(streak.failures, 40);
  const again = takeAll(streak, updates);
  assert.deepEqual(again.filter((step) => step !== "noted" && step !== "duplicate"), []);
  assert.deepEqual([streak.failures, runningSince(streak)], [40, at(500)]);
});

Deno.test("take() recognises a redelivered start of an allocation that failed long ago", () => {
  const streak = failedOnce();
  for (let index = 2; index <= 30; index++) {
    const of = { allocation: `a${index}` };
    takeAll(streak, [started(at(index * 10), of), ...giveUp(at(index * 10 + 1), of)]);
  }
  takeAll(streak, [started(at(50), { allocation: "a5" })]);
  assert.equal(runningSince(streak), undefined);
});

Deno.test("take() keeps two nodes apart that have one key, as far as it can", () => {
  const [here, there] = [{ node: "n1" }, { ...a2, node: "n2" }];
  const streak = streakOf(restarting(at(1), here));
  takeAll(streak, [started(at(2), there)]);
  const steps = takeAll(streak, crashes(40, 20, 20, here));
  assert.equal(steps.filter((step) => step === "failed").length, 40);
  assert.equal(streak.failures, 41);
  assert.equal(streak.ended?.runtime, 1_000_000_000n);
  // The other one ran for 15 minutes meanwhile; that it ends is no failure of this one, and no end of its loop.
  assert.deepEqual(takeAll(streak, crash(at(902), there)), ["noted", "noted"]);
  const unseen = { allocation: "a3", node: "n3", ...since0342 };
  assert.deepEqual(takeAll(streak, crash(at(903), unseen)), ["noted", "noted"]);
  assert.equal(streak.failures, 41);
});

Deno.test("take() ends the streak with a stable run whose start was not seen", () => {
  const streak = failedOnce();
  const later = { ...a2, ...begun("2026-11-24T03:43:54Z") }; // at(60)
  assert.deepEqual(takeAll(streak, crash(at(700), later)), ["noted", "stable"]);
});
