// What each event does to the consecutive failed runs of a task. The first table is Nomad's own list of what happens.
import assert from "node:assert/strict";
import type { Step } from "../../../src/detection/failures/take_event.ts";
import {
  at,
  crash,
  deployed,
  drained,
  giveUp,
  killing,
  notRestarting,
  restarting,
  started,
  stop,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";
import { a2, failedOnce, failure, signaled, streakOf, takeAll } from "../../helpers/streaks.ts";

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
  Deno.test(`take() counts nothing twice when everything is redelivered: ${what}`, () => {
    const updates = [restarting(at(1)), started(at(20)), ...events];
    const streak = streakOf(...updates);
    const before = structuredClone(streak);
    const again = takeAll(streak, updates);
    assert.equal(streak.failures, failures);
    assert.ok(!again.includes("failed") && !again.includes("stable") && !again.includes("completed"));
    if (what !== "job stop") assert.deepEqual(streak, before);
  });
}
