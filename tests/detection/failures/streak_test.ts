// What each event does to the failed runs of a task in a row. The first table is Nomad's own list of what happens.
import assert from "node:assert/strict";
import {
  clear,
  type FailureStreak,
  newStreak,
  runningSince,
} from "../../../src/detection/failures/streak.ts";
import { type Step, take } from "../../../src/detection/failures/take_event.ts";
import {
  at,
  crash,
  crashes,
  decoded,
  deployed,
  drained,
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

const minutes = 60_000_000_000n;
const stableAfter = 10n * minutes;

/** Takes updates into a row and yields what each did. */
function takeAll(streak: FailureStreak, updates: readonly string[]): Step[] {
  return updates.map((update) => take(streak, decoded(update), stableAfter));
}

/** The row that these updates make, the first of which is a failure. */
function rowOf(...updates: readonly string[]): FailureStreak {
  const streak = newStreak(decoded(updates[0]!));
  takeAll(streak, updates);
  return streak;
}

/** A row of one failure. */
const failedOnce = () => rowOf(restarting(at(1)));

const a2: TaskUpdate = { allocation: "a2" };
const signaled = (message: string, reason: string) =>
  taskUpdate({
    type: "Restart Signaled",
    time: at(21),
    event: { DisplayMessage: message, RestartReason: reason, Details: { restart_reason: reason } },
  });
const failure = (type: string, message: string, of: TaskUpdate = {}) =>
  taskUpdate({ ...of, type, time: at(21), event: { DisplayMessage: message } });

/** Each after a failure and `Started`: the events, and what they make of the one failure. */
const happens:
  readonly (readonly [what: string, events: readonly string[], steps: readonly Step[], failures: number])[] =
    [
      ["crash, the policy still has attempts", crash(at(21)), ["noted", "failed"], 2],
      [
        "attempts used up, mode delay",
        [
          terminated(at(21)),
          restarting(at(21.1), {
            reason: "Exceeded allowed attempts, applying a delay",
            delay: 1_800_000_000_000n,
            fields: { ClientStatus: "pending" },
          }),
        ],
        ["noted", "failed"],
        2,
      ],
      [
        "attempts used up, mode fail: a new allocation",
        [
          ...giveUp(at(21)),
          taskUpdate({ ...a2, time: at(51) }),
          started(at(52), a2),
          ...crash(at(53), a2),
        ],
        ["noted", "failed", "noted", "noted", "noted", "failed"],
        3,
      ],
      [
        "attempts = 0: a new allocation",
        [
          terminated(at(21), 3),
          notRestarting(at(21.1), { reason: "Policy allows no restarts" }),
          started(at(52), a2),
          terminated(at(53), 3, 0, a2),
          notRestarting(at(53.1), { ...a2, reason: "Policy allows no restarts" }),
        ],
        ["noted", "failed", "noted", "noted", "failed"],
        3,
      ],
      ["a service that exits with 0", [terminated(at(21), 0), restarting(at(21.1))], ["noted", "failed"], 2],
      [
        "a service that exits with 0, attempts = 0",
        [
          terminated(at(21), 0, 0, {
            fields: { ClientStatus: "failed", TaskState: "dead", TaskFailed: true },
          }),
          notRestarting(at(21.1), { reason: "Policy allows no restarts" }),
        ],
        ["noted", "failed"],
        2,
      ],
      [
        "the command does not exist",
        [
          failure("Driver Failure", "could not be found", a2),
          notRestarting(at(22), { ...a2, reason: "Error was unrecoverable" }),
        ],
        ["noted", "failed"],
        2,
      ],
      [
        "bad driver config",
        [
          failure("Failed Validation", "2 errors occurred", a2),
          notRestarting(at(22), { ...a2, reason: "Error was unrecoverable" }),
        ],
        ["noted", "failed"],
        2,
      ],
      [
        "an artifact cannot be fetched",
        [
          taskUpdate({ type: "Downloading Artifacts", time: at(20.5) }),
          failure("Failed Artifact Download", "connection refused"),
          restarting(at(22)),
        ],
        ["noted", "noted", "failed"],
        2,
      ],
      ["a recoverable start error", [failure("Driver Failure", "image pull backoff"), restarting(at(22))], [
        "noted",
        "failed",
      ], 2],
      ["a template fails", [killing(at(21), { fails: true })], ["failed"], 2],
      [
        "a template fails, and the task is killed for it",
        [
          killing(at(21), { fails: true }),
          killing(at(22)),
          terminated(at(23), 130, 2),
          taskUpdate({ type: "Killed", time: at(24) }),
          notRestarting(at(25)),
        ],
        ["failed", "noted", "noted", "noted", "duplicate"],
        2,
      ],
      [
        "a sibling failed",
        [
          failure("Sibling Task Failed", "Task's sibling failed"),
          ...stop(at(22), { ClientStatus: "failed" }),
        ],
        ["noted", "noted", "noted", "noted"],
        1,
      ],
      [
        "the leader is dead",
        [
          failure("Leader Task Dead", "Leader Task in Group dead"),
          ...stop(at(22), { ClientStatus: "complete" }),
        ],
        ["noted", "noted", "noted", "noted"],
        1,
      ],
      [
        "a person restarts it",
        [
          signaled("User requested restart", "User requested restart"),
          terminated(at(22), 130, 2),
          restarting(at(22.1), { reason: "", delay: 0n }),
        ],
        ["noted", "noted", "noted"],
        1,
      ],
      [
        "a template changes",
        [
          taskUpdate({
            type: "Restart Signaled",
            time: at(21),
            event: { DisplayMessage: "Template with change_mode restart re-rendered" },
          }),
          terminated(at(22), 130, 2),
          restarting(at(22.1), { reason: "", delay: 0n }),
        ],
        ["noted", "noted", "noted"],
        1,
      ],
      [
        "a failed health check",
        [
          signaled('healthcheck: check "alive" unhealthy', 'healthcheck: check "alive" unhealthy'),
          terminated(at(22), 130, 2),
          restarting(at(22.1)),
        ],
        ["noted", "noted", "failed"],
        2,
      ],
      ["job stop", stop(at(21)), ["stopped", "stopped", "stopped"], 1],
      ["deploy", stop(at(21), deployed), ["noted", "noted", "noted"], 1],
      ["drain", stop(at(21), drained), ["noted", "noted", "noted"], 1],
      [
        "a batch task is done",
        [
          terminated(at(21), 0, 0, { fields: { ClientStatus: "complete", TaskState: "dead" } }),
        ],
        ["completed"],
        1,
      ],
      [
        "events that say nothing",
        [
          taskUpdate({ type: "Signaling", time: at(21) }),
          taskUpdate({ type: "Alloc Unhealthy", time: at(22) }),
          taskUpdate({ type: "A type of tomorrow", time: at(23) }),
        ],
        ["noted", "noted", "noted"],
        1,
      ],
    ];

for (const [what, events, steps, failures] of happens) {
  Deno.test(`take() after Started: ${what}`, () => {
    const streak = failedOnce();
    takeAll(streak, [started(at(20))]);
    assert.deepEqual(takeAll(streak, events), steps);
    assert.equal(streak.failures, failures);
  });
}

for (const [what, events, , failures] of happens) {
  Deno.test(`take() counts nothing twice when all comes again: ${what}`, () => {
    const updates = [restarting(at(1)), started(at(20)), ...events];
    const streak = rowOf(...updates);
    const before = structuredClone(streak);
    const again = takeAll(streak, updates);
    assert.equal(streak.failures, failures);
    assert.ok(!again.includes("failed") && !again.includes("stable") && !again.includes("completed"));
    if (what !== "job stop") assert.deepEqual(streak, before);
  });
}

/** So many seconds after its start the run ends and Nomad restarts the task. */
const lasting = (seconds: number) => [started(at(20)), ...crash(at(20 + seconds))];

Deno.test("take() breaks the row with a run that lasted exactly the time, not with one a nanosecond shorter", () => {
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

Deno.test("take() goes by the run, not by the time that Nomad takes to kill it", () => {
  const streak = failedOnce();
  const events = [started(at(20)), terminated(at(619)), restarting(at(700))];
  assert.deepEqual(takeAll(streak, events), ["noted", "noted", "failed"]);
});

Deno.test("take() goes by the failure where the exit was not seen", () => {
  assert.deepEqual(takeAll(failedOnce(), [started(at(20)), restarting(at(619.9))]), ["noted", "failed"]);
  assert.deepEqual(takeAll(failedOnce(), [started(at(20)), restarting(at(620))]), ["noted", "stable"]);
});

const begun = (text: string) => ({ fields: { TaskStartedAt: text } });
const since0342 = begun("2026-11-24T03:42:54Z"); // at(0)

Deno.test("take() goes by what the update says where the start was not seen", () => {
  const streak = newStreak(decoded(restarting(at(600))));
  assert.deepEqual(takeAll(streak, [restarting(at(600), since0342)]), ["stable"]);
  assert.equal(streak.failures, 0);
  assert.equal(rowOf(restarting(at(599.9), since0342)).failures, 1);
});

Deno.test("take() takes a start after the failure for the next run's: the update is of a later moment", () => {
  assert.equal(rowOf(restarting(at(600), begun("2026-11-24T04:00:00Z"))).failures, 1);
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

Deno.test("take() judges a run once: what fails after a restart that somebody asked for is another one", () => {
  const streak = failedOnce();
  const wanted = [started(at(20)), terminated(at(700), 130, 2), restarting(at(700.1), { reason: "" })];
  assert.deepEqual(takeAll(streak, wanted), ["noted", "stable", "noted"]);
  clear(streak, at(700));
  assert.deepEqual(takeAll(streak, [killing(at(701), { fails: true })]), ["failed"]);
});

Deno.test("take() judges a run once: the first crash counts, and then what fails long after", () => {
  const streak = rowOf(...crash(at(5), since0342).slice(1));
  assert.deepEqual(takeAll(streak, [restarting(at(1900), since0342)]), ["failed"]);
  assert.equal(streak.failures, 2);
});

Deno.test("take() counts a failure that comes late, and leaves the run that goes on meanwhile", () => {
  const streak = failedOnce();
  takeAll(streak, [started(at(20)), started(at(60))]);
  assert.deepEqual(takeAll(streak, [restarting(at(40), { delay: 5_000_000_000n })]), ["failed"]);
  assert.equal(streak.failures, 2);
  assert.equal(runningSince(streak), at(60));
  assert.equal(streak.nextAttempt, undefined);
  assert.deepEqual(streak.log.map(({ time }) => time), [at(1), at(40)]);
});

Deno.test("take() does not mix up a failure that comes late with the run that ended meanwhile", () => {
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

Deno.test("take() has the row begin with the earliest failure, and tell of the newest", () => {
  const streak = rowOf(restarting(at(40)));
  const before = streak.lastEvent;
  takeAll(streak, [restarting(at(20)), restarting(at(30))]);
  assert.equal(streak.since, at(20));
  assert.deepEqual(streak.log.map(({ time }) => time), [at(20), at(30), at(40)]);
  assert.equal(streak.lastEvent, before);
  assert.equal(streak.failures, 3);
});

Deno.test("take() counts the same failures in whichever order they come", () => {
  const updates = [restarting(at(1)), ...crashes(4, 20), ...giveUp(at(120)), ...crashes(3, 150, 20, a2)];
  const turned = rowOf(restarting(at(1)));
  takeAll(turned, updates.toReversed());
  assert.equal(turned.failures, rowOf(...updates).failures);
  assert.equal(turned.failures, 9);
});

Deno.test("take() adds the failures that no event told of", () => {
  const streak = failedOnce();
  takeAll(streak, [restarting(at(20), { fields: { MissedRestarts: 17 } })]);
  assert.deepEqual([streak.failures, streak.missed, streak.log.length], [19, 17, 2]);
});

Deno.test("take() goes on to a node whose clock is behind", () => {
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

Deno.test("take() goes on through a template that fails in allocation after allocation without ever starting", () => {
  const streak = rowOf(killing(at(1), { fails: true }));
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

Deno.test("take() takes what happens late in an allocation that was replaced for nothing of now", () => {
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

Deno.test("take() lets no stop of another allocation end the row", () => {
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

Deno.test("take() ends the row when an allocation is stopped before it started", () => {
  const streak = rowOf(...giveUp(at(1)).slice(1));
  assert.deepEqual(
    takeAll(streak, [taskUpdate({ ...a2, time: at(20) }), ...stop(at(25), jobStopped, a2)])[1],
    "stopped",
  );
  const failing = rowOf(...giveUp(at(1)).slice(1));
  takeAll(failing, [killing(at(20), { ...a2, fails: true })]);
  assert.deepEqual(takeAll(failing, stop(at(25), jobStopped, a2)), ["stopped", "stopped", "stopped"]);
  const unheard = rowOf(...giveUp(at(1)).slice(1));
  const received = taskUpdate({ ...a2, time: at(20), fields: jobStopped });
  assert.deepEqual(takeAll(unheard, [received]), ["stopped"]);
});

Deno.test("take() is not misled by a stop of an allocation that was replaced since, said with what was told before", () => {
  const failed = notRestarting(at(1));
  const streak = rowOf(failed, started(at(20), a2), ...giveUp(at(21), a2));
  assert.deepEqual(takeAll(streak, [notRestarting(at(1), { fields: jobStopped })]), ["noted"]);
  assert.deepEqual(takeAll(streak, [notRestarting(at(21.002), { ...a2, fields: jobStopped })]), ["stopped"]);
});

Deno.test("take() is not misled by the old history of a job that was stopped and started again", () => {
  const streak = rowOf(restarting(at(1000), a2));
  takeAll(streak, crashes(3, 1010, 20, a2));
  const history = [taskUpdate({ time: at(0), fields: jobStopped }), ...stop(at(500))];
  assert.deepEqual(takeAll(streak, history), ["noted", "noted", "noted", "noted"]);
  assert.equal(streak.failures, 4);
});

Deno.test("take() is not misled by what comes again of allocations from before the row", () => {
  const history = [taskUpdate({ time: at(0) }), started(at(1)), ...stop(at(500), deployed)];
  const streak = rowOf(restarting(at(1000), a2));
  takeAll(streak, [started(at(1020), a2), ...history]);
  assert.equal(runningSince(streak), at(1020));
  assert.deepEqual(takeAll(streak, [terminated(at(1620), 1, 0, a2)]), ["stable"]);
});

Deno.test("take() takes the end of what was before the row for no end of it", () => {
  const done = { ClientStatus: "complete", TaskState: "dead" };
  for (
    const history of [
      [started(at(0)), ...stop(at(700), deployed)],
      [started(at(0)), ...crash(at(700))],
      [started(at(0)), terminated(at(5), 0, 0, { fields: done })],
      [started(at(0)), ...stop(at(5))],
    ]
  ) {
    const streak = rowOf(...giveUp(at(1000), a2).slice(1));
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

Deno.test("take() ends the row when an event that was told before says that the allocation is to stop", () => {
  const last = notRestarting(at(41), made(5));
  for (const streak of [rowOf(last), rowOf(restarting(at(1), made(5)), started(at(20), made(5)), last)]) {
    assert.deepEqual(takeAll(streak, [last]), ["duplicate"]);
    assert.deepEqual(takeAll(streak, [notRestarting(at(41), made(5, { fields: jobStopped }))]), ["stopped"]);
    assert.equal(streak.events.filter(({ Type }) => Type === "Not Restarting").length, 1);
  }
});

Deno.test("take() knows by Nomad's own order which allocation is the last, whatever the clocks say", () => {
  const streak = rowOf(restarting(at(1), made(5)));
  takeAll(streak, [started(at(20), made(5))]);
  const behind = made(7, { node: "n2" });
  takeAll(streak, [taskUpdate({ ...behind, time: at(-601) }), started(at(-600), behind)]);
  assert.equal(runningSince(streak), at(-600));
  // What was made before is told again.
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

Deno.test("take() goes on in a cluster that was set up anew, which counts its allocations from the beginning", () => {
  const streak = rowOf(restarting(at(1), made(5000)));
  takeAll(streak, [started(at(20), made(5000)), started(at(60), made(12))]);
  assert.equal(runningSince(streak), at(60));
});

Deno.test("take() goes on with garbage collection in allocations that failed long ago", () => {
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

Deno.test("take() finds its way back when more allocations come again than are remembered", () => {
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
  const streak = rowOf(...updates);
  assert.equal(streak.failures, 40);
  const again = takeAll(streak, updates);
  assert.deepEqual(again.filter((step) => step !== "noted" && step !== "duplicate"), []);
  assert.deepEqual([streak.failures, runningSince(streak)], [40, at(500)]);
});

Deno.test("take() knows a start again of an allocation that failed long ago", () => {
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
  const streak = rowOf(restarting(at(1), here));
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

Deno.test("take() has a run that began after the last failure break the row, though its start was not seen", () => {
  const streak = failedOnce();
  const later = { ...a2, ...begun("2026-11-24T03:43:54Z") }; // at(60)
  assert.deepEqual(takeAll(streak, crash(at(700), later)), ["noted", "stable"]);
});

Deno.test("clear() begins anew: what is older does not count, what is newer does", () => {
  const streak = rowOf(...crashes(3).slice(2));
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

Deno.test("take() remembers how the last failed run ended, and why", () => {
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

Deno.test("take() does not take a task that ends with 0 when it is killed for done", () => {
  const streak = failedOnce();
  const dead = { ClientStatus: "complete", TaskState: "dead" };
  const steps = takeAll(streak, [
    started(at(20)),
    killing(at(21)),
    terminated(at(22), 0, 0, { fields: dead }),
  ]);
  assert.deepEqual(steps, ["noted", "noted", "noted"]);
});

Deno.test("take() keeps of all that happens only so much", () => {
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

Deno.test("take() does not count again what is older than all that it remembers", () => {
  const updates = crashes(150);
  const streak = rowOf(...updates.slice(2));
  takeAll(streak, updates.slice(0, 2));
  assert.equal(streak.failures, 150);
  takeAll(streak, updates);
  assert.equal(streak.failures, 150);
});

Deno.test("take() works with a row that was written down and read again", () => {
  const updates = crashes(5).slice(2);
  const whole = rowOf(...updates);
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
