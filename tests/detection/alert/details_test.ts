// What the payload `full` says of a loop, above all in its one sentence. Times are written in UTC where TZ is not
// set; so the expected ones are made by formatTime, which has its own test.
import assert from "node:assert/strict";
import { type FailureStreak, newStreak } from "../../../src/detection/failures/streak.ts";
import { take } from "../../../src/detection/failures/take_event.ts";
import { type AlertDetails, inWords } from "../../../src/detection/alert/details.ts";
import { failuresDetails } from "../../../src/detection/failures/details.ts";
import { restartsDetails } from "../../../src/detection/restarts/details.ts";
import { formatTime } from "../../../src/lib/time.ts";
import {
  at,
  crashes,
  decoded,
  giveUp,
  killing,
  restarting,
  started,
  type TaskUpdate,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";

const minutes = 60_000_000_000n;

/** The streak of these updates, notified under the id `L`. */
function rowOf(updates: readonly string[]): FailureStreak {
  const streak = newStreak(decoded(updates[0]!));
  for (const update of updates) take(streak, decoded(update), 10n * minutes);
  streak.notified = { id: "L", repeats: 0, at: streak.newest, resolved: false };
  return streak;
}

/** The details of a streak, at the time of its newest event or at `now`. */
function storyOf(updates: readonly string[], now?: bigint, resolved?: string): AlertDetails {
  const streak = rowOf(updates);
  return failuresDetails(streak, now ?? streak.newest, resolved, {});
}

/** The time of day of the tests' beginning, and a minute after. */
const clockOf = (time: bigint) => {
  const text = formatTime(time);
  return `${text.slice(11, 16)} ${text.endsWith("Z") ? "UTC" : text.slice(-6)}`;
};
const [clock, clockLater] = [clockOf(at(0)), clockOf(at(60))];

/** A first failure, then a run of a second that ends so. */
const ending = (code: number, signal: number, of: TaskUpdate = {}, before: readonly string[] = []) => [
  restarting(at(0)),
  started(at(20)),
  ...before,
  terminated(at(21), code, signal, of),
  restarting(at(21), { delay: 52_000_000_000n }),
];
const wrong = (type: string, message: string) => [
  restarting(at(0)),
  taskUpdate({ type, time: at(20), event: { DisplayMessage: message } }),
  restarting(at(21), { delay: 0n }),
];

const sentences: readonly (readonly [what: string, updates: readonly string[], sentence: string])[] = [
  ["a code", ending(1, 0), `exited with 1 after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`],
  ["the code 0", ending(0, 0), `exited with 0 after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`],
  [
    "a signal",
    ending(139, 11),
    `was killed by signal 11 (SIGSEGV) after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "a signal without a name",
    ending(0, 40),
    `was killed by signal 40 after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "a code that stands for a signal",
    ending(143, 0),
    `exited with 143 (SIGTERM) after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "the code 139, as of a container",
    ending(139, 0),
    `exited with 139 (SIGSEGV) after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "signal 9",
    ending(137, 9),
    `was killed by signal 9 (SIGKILL) after 1 s, likely out of memory, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "the code 137, as of a container",
    ending(137, 0),
    `exited with 137 (SIGKILL) after 1 s, likely out of memory, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "signal 9 of Nomad's",
    ending(137, 9, {}, [killing(at(20.5))]),
    `was killed by signal 9 (SIGKILL) after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "out of memory, says Nomad",
    ending(137, 9, { event: { Details: { oom_killed: "true" } } }),
    `ran out of memory after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "nothing known of the exit",
    ending(1, 0, { event: { ExitCode: null, Signal: null, Details: null } }),
    `exited with an unknown code after 1 s, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  ["a driver's failure", wrong("Driver Failure", "no such image"), `no such image, 2 times since ${clock}`],
  [
    "a failure on several lines",
    wrong("Failed Validation", "2 errors occurred:\n\t* a\n\t* b\n\n"),
    `2 errors occurred: * a * b, 2 times since ${clock}`,
  ],
  [
    "a failed health check",
    ending(130, 2, {}, [taskUpdate({
      type: "Restart Signaled",
      time: at(20.5),
      event: { DisplayMessage: 'healthcheck: check "alive" unhealthy' },
    })]),
    `healthcheck: check "alive" unhealthy, 2 times since ${clock}; Nomad tries again in 52 s`,
  ],
  [
    "a template",
    [killing(at(0), { fails: true }), killing(at(20), { fails: true, allocation: "a2" })],
    `Template failed: no such key, 2 times since ${clock}`,
  ],
  [
    "nothing known at all",
    [restarting(at(0)), restarting(at(20), { delay: 0n })],
    `failed, 2 times since ${clock}`,
  ],
  ["one failure", [restarting(at(0), { delay: 0n })], `failed, once since ${clock}`],
  [
    "many failures, no next attempt",
    [...crashes(6, 60), started(at(180)), ...giveUp(at(181))].slice(2),
    `exited with 1 after 1 s, 7 times since ${clockLater}`,
  ],
];

for (const [what, updates, sentence] of sentences) {
  Deno.test(`failuresDetails() says in one sentence: ${what}`, () =>
    assert.equal(storyOf(updates).Reason, sentence));
}

Deno.test("failuresDetails() says the date where the row did not begin today", () => {
  const begun = formatTime(at(0));
  const { Reason } = storyOf(crashes(3).slice(2), at(2 * 86_400));
  assert.equal(Reason, `exited with 1 after 1 s, 3 times since ${begun.slice(0, 10)} ${clock}`);
});

Deno.test("failuresDetails() says when Nomad tries again for as long as that is to come", () => {
  const updates = [restarting(at(0), { delay: 15_000_000_000n })];
  assert.equal(storyOf(updates, at(14.9)).NextAttempt, formatTime(at(15)));
  assert.match(storyOf(updates, at(14.9)).Reason, /; Nomad tries again in 100 ms$/);
  assert.equal(storyOf(updates, at(15)).NextAttempt, undefined);
  assert.doesNotMatch(storyOf(updates, at(15)).Reason, /again/);
  assert.equal(storyOf(updates, at(1), "it was stopped").NextAttempt, undefined);
});

Deno.test("failuresDetails() says why it is over, and of how many failures", () => {
  const over = storyOf(crashes(3).slice(2), undefined, "it was stopped");
  assert.deepEqual([over.Status, over.Reason], [
    "resolved",
    `it was stopped, after 3 failed runs since ${clock}`,
  ]);
  const one = storyOf([restarting(at(0))], undefined, "it completed");
  assert.equal(one.Reason, `it completed, after 1 failed run since ${clock}`);
});

Deno.test("failuresDetails() has all that is known", () => {
  const of = { fields: { Namespace: "ops", JobType: "system", NodeName: "worker-1" } };
  const unseen = { ...of, fields: { ...of.fields, MissedRestarts: 3 } };
  const details = storyOf([
    restarting(at(0), of),
    started(at(20), of),
    terminated(at(21.5), 137, 9, of),
    restarting(at(22), unseen),
  ]);
  assert.deepEqual(details, {
    Status: "looping",
    Rule: "failures",
    Loop: "L",
    Key: { Namespace: "ops", JobID: "api", TaskGroup: "web", Index: 0, Task: "app", NodeID: "n1" },
    Failures: 5,
    Missed: 3,
    Since: formatTime(at(0)),
    LastExit: { Time: formatTime(at(21.5)), ExitCode: 137, Signal: 9, OutOfMemory: "likely", After: "1.5s" },
    Reason:
      `was killed by signal 9 (SIGKILL) after 1.5 s, likely out of memory, 5 times since ${clock}; Nomad tries again in 15 s`,
    NextAttempt: formatTime(at(37)),
    Node: { ID: "n1", Name: "worker-1" },
    Events: [
      { Time: formatTime(at(0)), Type: "Restarting", DisplayMessage: "Restarting" },
      { Time: formatTime(at(20)), Type: "Started", DisplayMessage: "Started" },
      { Time: formatTime(at(21.5)), Type: "Terminated", DisplayMessage: "Terminated" },
      { Time: formatTime(at(22)), Type: "Restarting", DisplayMessage: "Restarting" },
    ],
  });
});

Deno.test("failuresDetails() leaves out what is not known", () => {
  const details = storyOf([restarting(at(0), { delay: 0n })]);
  assert.deepEqual(Object.keys(details), [
    "Status",
    "Rule",
    "Loop",
    "Key",
    "Failures",
    "Missed",
    "Since",
    "Reason",
    "Node",
    "Events",
  ]);
  assert.deepEqual(details.Node, { ID: "n1" });
});

const restart = (of: TaskUpdate = {}) =>
  restarting(at(60), {
    ...of,
    job: "backup/periodic-1",
    event: { DisplayMessage: "Task restarting in 15s", ...of.event },
  });

Deno.test("restartsDetails() describes the last restart and the counted ones", () => {
  const of = { fields: { Namespace: "ops", NodeName: "worker-1" } };
  const eventLog = [at(60), at(0), at(30), at(30)];
  assert.deepEqual(restartsDetails({ lastEvent: restart(of), eventLog, loop: "L", reason: "first" }), {
    Status: "looping",
    Rule: "restarts",
    Loop: "L",
    Key: { Namespace: "ops", JobID: "backup/periodic-1", TaskGroup: "web", Index: 0 },
    Failures: 4,
    Missed: 1,
    Since: formatTime(at(0)),
    Reason: `restarted 4 times since ${clock}: Restart within policy`,
    Node: { ID: "n1", Name: "worker-1" },
    Events: [{ Time: formatTime(at(60)), Type: "Restarting", DisplayMessage: "Task restarting in 15s" }],
  });
});

Deno.test("restartsDetails() says what Nomad displays where there is no reason, and why it is over", () => {
  const notified = { lastEvent: restart({ event: { RestartReason: "" } }), eventLog: [at(60)], loop: "L" };
  assert.equal(
    restartsDetails({ ...notified, reason: "repeat" }).Reason,
    `restarted once since ${clockLater}: Task restarting in 15s`,
  );
  const over = restartsDetails({ ...notified, eventLog: [], reason: "resolved" });
  assert.deepEqual([over.Status, over.Failures, over.Reason, over.Since], [
    "resolved",
    0,
    "it no longer restarts that often",
    formatTime(at(60)),
  ]);
});

Deno.test("inWords() writes a duration as a person reads it", () => {
  const cases: readonly (readonly [duration: bigint, words: string])[] = [
    [0n, "0 s"],
    [1n, "0 s"],
    [149_000_000n, "100 ms"],
    [950_000_000n, "1 s"],
    [1_181_530_874n, "1.2 s"],
    [9_949_999_999n, "9.9 s"],
    [52_432_799_040n, "52 s"],
    [200n * 1_000_000_000n, "3 min 20 s"],
    [10n * minutes, "10 min"],
    [90n * minutes, "1 h 30 min"],
    [3n * 60n * minutes, "3 h"],
    [26n * 60n * minutes + 1_000_000_000n, "26 h 1 s"],
  ];
  for (const [duration, words] of cases) assert.equal(inWords(duration), words);
});
