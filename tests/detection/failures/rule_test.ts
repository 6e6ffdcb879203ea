// When the rule `failures` tells, tells again, says that a loop is over, and forgets.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { type FailureStreak, runningSince } from "../../../src/detection/failures/streak.ts";
import { type FailuresThresholds, idleTimeout } from "../../../src/detection/failures/deadlines.ts";
import { FailuresRule } from "../../../src/detection/failures/rule.ts";
import type { Decision } from "../../../src/detection/rule.ts";
import { Visibility } from "../../../src/detection/visibility.ts";
import { formatTime } from "../../../src/lib/time.ts";
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
  restarting,
  started,
  stop,
  type TaskUpdate,
  taskUpdate,
  terminated,
} from "../../helpers/runs.ts";
import { Random } from "../../helpers/random.ts";

const seconds = 1_000_000_000n;
const minutes = 60n * seconds;
const hours = 60n * minutes;

const usual: FailuresThresholds = {
  restartCount: 3,
  stableAfter: 10n * minutes,
  notificationInterval: 1n * hours,
  notifyResolved: true,
};

/** Goes on where one stopped that kept these rows; `now` is that of the wall. */
interface Restored {
  readonly streaks: ReadonlyMap<string, FailureStreak>;
  readonly now: bigint | undefined;
}

/** The rule, and what it told and kept. */
class Notified {
  readonly loops: FailuresRule;
  readonly streaks = new Map<string, FailureStreak>();
  readonly alerts: Alert[] = [];
  /** `first 3`, `repeat 9`, `over: it was stopped`. */
  readonly said: string[] = [];
  readonly reasons: string[] = [];
  #now = -1n << 63n;

  constructor(
    differs: Partial<FailuresThresholds> = {},
    restored?: Restored,
    readonly visibility: Visibility = new Visibility(),
  ) {
    const put = (_: "streaks", name: string, streak: FailureStreak | undefined) => {
      if (streak === undefined) this.streaks.delete(name);
      else this.streaks.set(name, structuredClone(streak));
    };
    this.loops = new FailuresRule({ ...usual, ...differs }, { put }, visibility);
    if (restored !== undefined) {
      const streaks = () => structuredClone(restored.streaks);
      this.loops.restore({ entries: streaks }, restored.now);
    }
  }

  /** Takes updates, each at its own time unless told. Yields what was told of them. */
  take(updates: readonly string[], now?: bigint): string[] {
    const before = this.said.length;
    for (const update of updates) {
      const event = decoded(update);
      this.wait(now ?? event.time);
      this.#hear(this.loops.record(event, this.#now), this.#now);
    }
    return this.said.slice(before);
  }

  /** Lets time go by, up to then. Yields what was told meanwhile. */
  wait(until: bigint): string[] {
    const before = this.said.length;
    if (until <= this.#now) return [];
    this.#now = until;
    this.#pass(until);
    return this.said.slice(before);
  }

  /** Lets time go by, up to then, when the source has shown all of it. Yields what was told meanwhile. */
  see(until: bigint): string[] {
    const before = this.said.length;
    this.wait(until);
    this.visibility.regain(until);
    this.visibility.hear(until);
    this.#pass(until);
    return this.said.slice(before);
  }

  #pass(until: bigint): void {
    for (let due = this.loops.nextDue; due !== undefined && due <= until; due = this.loops.nextDue) {
      for (const decision of this.loops.due(due, 10_000)) this.#hear(decision, due);
      const next = this.loops.nextDue;
      assert.ok(next === undefined || next > due, "due() gets on");
    }
  }

  #hear(decision: Decision, now: bigint): void {
    this.reasons.push(decision.reason);
    if ("alert" in decision && decision.alert !== undefined) this.alerts.push(decision.alert);
    const after = (now - at(0)) / seconds;
    if (decision.reason === "resolved") this.said.push(`${after} over: ${decision.cause}`);
    else if ("alert" in decision) {
      this.said.push(`${after} ${decision.reason} ${decision.alert!.details!.Failures}`);
    }
  }
}

const name = "api.web[0]/app";

Deno.test("record() tells a loop once when the run fails that makes it enough", () => {
  const notified = new Notified();
  assert.deepEqual(notified.take(crashes(3)), ["41 first 3"]);
  assert.deepEqual(notified.take(crashes(20, 60)), []);
  const [alert] = notified.alerts;
  assert.equal(alert!.reason, "first");
  assert.equal(alert!.name, name);
  assert.equal(alert!.loop, alert!.id);
  assert.match(alert!.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(alert!.eventLog, [1, 21, 41].map((second) => at(second) + 2_000_000n));
});

Deno.test("record() decides with a reason", () => {
  const notified = new Notified();
  notified.take([
    started(at(0)),
    restarting(at(1), { reason: "" }),
    ...crashes(3).slice(1),
    ...crashes(1, 60),
    restarting(at(61.002)),
    restarting(at(62), { reason: "" }),
  ]);
  assert.deepEqual(notified.reasons, [
    "noted",
    "requested",
    "noted",
    "below-threshold",
    "noted",
    "noted",
    "below-threshold",
    "noted",
    "noted",
    "first",
    "noted",
    "noted",
    "already-notified",
    "duplicate",
    "requested",
  ]);
});

Deno.test("due() tells a loop again at each interval, however long Nomad waits, until it is over", () => {
  const notified = new Notified();
  notified.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  // Every hour one more failure, in another allocation.
  for (let hour = 1; hour <= 6; hour++) {
    const of = { allocation: `b${hour}` };
    notified.take([started(at(hour * 3600 + 60), of), ...giveUp(at(hour * 3600 + 61), of)]);
  }
  assert.deepEqual(notified.said, [
    "41 first 3",
    "3641 repeat 3",
    "7241 repeat 4",
    "10841 repeat 5",
    "14441 repeat 6",
    "18041 repeat 7",
    "21641 repeat 8",
  ]);
  assert.equal(new Set(notified.alerts.map(({ id }) => id)).size, 7);
  assert.equal(new Set(notified.alerts.map(({ loop }) => loop)).size, 1);
});

Deno.test("due() keeps to the phase of the first telling when it is asked late", () => {
  const notified = new Notified({ stableAfter: 24n * hours });
  notified.take([...crashes(3), started(at(60))]);
  const next = () => notified.loops.nextDue! - at(41) - 2_000_000n;
  assert.equal(next(), 1n * hours);
  assert.equal(notified.loops.due(at(41 + 3600 * 2.5), 500)[0]?.reason, "repeat");
  assert.equal(next(), 3n * hours);
});

Deno.test("due() says that a loop is over at the moment when a run is stable", () => {
  const notified = new Notified();
  notified.take([...crashes(3), started(at(60))]);
  assert.deepEqual(notified.wait(at(660) - 1n), []);
  assert.deepEqual(notified.wait(at(660)), ["660 over: it ran for 10 min"]);
  const resolved = notified.alerts.at(-1)!;
  assert.deepEqual([resolved.reason, resolved.loop], ["resolved", notified.alerts[0]!.id]);
  assert.notEqual(resolved.id, notified.alerts[0]!.id);
  assert.deepEqual(notified.wait(at(100_000)), []);
});

Deno.test("record() goes on with a loop whose run ends a nanosecond before it is stable", () => {
  const notified = new Notified();
  notified.take([...crashes(3), started(at(60)), terminated(at(660) - 1n), restarting(at(660))]);
  assert.deepEqual(notified.said, ["41 first 3"]);
  notified.take([started(at(700)), terminated(at(1300)), restarting(at(1300.1))]);
  assert.deepEqual(notified.said, ["41 first 3", "1300 over: it ran for 10 min"]);
});

Deno.test("record() does not count a crash after a stable run, whoever noticed first that it was one", () => {
  for (const noticed of [true, false]) {
    const notified = new Notified({ restartCount: 2 });
    notified.take([...crashes(1), started(at(20))]);
    if (noticed) notified.wait(at(700));
    notified.take([...crash(at(700)), ...crashes(1, 720)]);
    assert.deepEqual(notified.said, [], `${noticed}`);
    assert.deepEqual(notified.take(crashes(1, 740)), ["741 first 2"]);
  }
});

for (
  const [what, updates, cause] of [
    ["somebody stops the job", stop(at(50)), "50 over: it was stopped"],
    [
      "somebody stops it while Nomad waits",
      [killing(at(50), { fields: jobStopped })],
      "50 over: it was stopped",
    ],
    [
      "a batch task is done",
      [
        started(at(50)),
        terminated(at(51), 0, 0, { fields: { ClientStatus: "complete", TaskState: "dead" } }),
      ],
      "51 over: it completed",
    ],
  ] as const
) {
  Deno.test(`record() says that a loop is over when ${what}`, () => {
    const notified = new Notified();
    notified.take([...crashes(3), ...updates]);
    assert.deepEqual(notified.said, ["41 first 3", cause]);
    assert.deepEqual(notified.wait(at(100_000)), []);
  });
}

for (
  const [what, updates] of [
    ["a deploy", [...stop(at(50), deployed), started(at(51), { allocation: "a2" })]],
    ["a drain", [...stop(at(50), drained), started(at(51), { allocation: "a2", node: "n2" })]],
    ["a restart that a person asked for", [restarting(at(50), { reason: "" }), started(at(51))]],
  ] as const
) {
  Deno.test(`${what} is neither a failure nor the end of a loop`, () => {
    const notified = new Notified();
    notified.take([...crashes(3), ...updates]);
    assert.equal(notified.streaks.get(name)?.failures, 3);
    assert.deepEqual(notified.said, ["41 first 3"]);
    assert.deepEqual(notified.wait(at(660)), ["651 over: it ran for 10 min"]);
  });
}

Deno.test("record() lets no restart that somebody asked for make a loop", () => {
  const notified = new Notified();
  for (let index = 0; index < 50; index++) {
    const time = index * 20;
    notified.take([
      started(at(time)),
      terminated(at(time + 5), 130, 2),
      restarting(at(time + 6), { reason: "" }),
    ]);
  }
  assert.deepEqual(notified.said, []);
  assert.equal(notified.loops.names, 0);
});

Deno.test("nothing is told of an end where that is not wanted; the log hears of it", () => {
  const notified = new Notified({ notifyResolved: false });
  notified.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(notified.said, ["41 first 3", "50 over: it was stopped"]);
  assert.deepEqual(notified.alerts.map(({ reason }) => reason), ["first"]);
});

Deno.test("a new loop after an end that was not sent is told when the interval is over, if it is one then", () => {
  const notified = new Notified({ notifyResolved: false });
  notified.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(notified.take(crashes(5, 100, 20, { allocation: "a2" })), []);
  assert.equal(notified.reasons.at(-1), "already-notified");
  assert.deepEqual(notified.wait(at(3642)), ["3641 first 5"]);
  assert.notEqual(notified.alerts.at(-1)!.loop, notified.alerts[0]!.loop);
  const short = new Notified({ notifyResolved: false });
  short.take([...crashes(3), ...stop(at(50)), ...crashes(5, 100, 20, { allocation: "a2" })]);
  short.take(stop(at(300), jobStopped, { allocation: "a2" }));
  assert.deepEqual(short.wait(at(20_000)), []);
});

Deno.test("a new loop is told at once when the interval is over already", () => {
  const notified = new Notified();
  notified.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(notified.take(crashes(3, 4000, 20, { allocation: "a2" })), ["4041 first 3"]);
});

Deno.test("what was told is remembered for as long as an interval that is longer than the silence", () => {
  const notified = new Notified({ notificationInterval: 24n * hours, notifyResolved: false });
  notified.take([...crashes(3), ...stop(at(50))]);
  notified.wait(at(43_200));
  assert.deepEqual(notified.take(crashes(3, 43_200, 20, { allocation: "a2" })), []);
  assert.deepEqual(notified.wait(at(86_442)), []);
  assert.deepEqual(notified.take(crashes(3, 90_000, 20, { allocation: "a3" })), ["90041 first 3"]);
});

Deno.test("record() does not tell the old history of a loop that is over, when all of it comes again", () => {
  const updates = [...crashes(5), ...stop(at(150))];
  const notified = new Notified();
  notified.take(updates);
  assert.deepEqual(notified.said, ["41 first 3", "150 over: it was stopped"]);
  for (const later of [151, 3700, 3600 * 2.9, 3600 * 3.5, 3600 * 50]) {
    notified.wait(at(later));
    assert.deepEqual(notified.take(updates, at(later)), [], `${later} s later`);
    assert.deepEqual(notified.wait(at(later + 100)), []);
  }
});

Deno.test("record() changes nothing when all of a loop that goes on comes again", () => {
  const updates = [...crashes(3), ...giveUp(at(62)), ...crashes(30, 100, 20, { allocation: "a2" })];
  const notified = new Notified();
  notified.take(updates);
  const before = notified.streaks.get(name);
  assert.equal(before?.failures, 34);
  notified.take(updates, at(701));
  assert.deepEqual(notified.streaks.get(name), before);
  assert.deepEqual(notified.said, ["41 first 3"]);
});

Deno.test("news of the past wait a moment, and are told once if nothing followed", () => {
  const notified = new Notified();
  const now = at(3600);
  assert.deepEqual(notified.take(crashes(5), now), []);
  assert.equal(notified.reasons.at(-1), "catching-up");
  assert.deepEqual(notified.wait(now + 2n * seconds - 1n), []);
  assert.deepEqual(notified.wait(now + 2n * seconds), ["3602 first 5"]);
});

Deno.test("news of the past are no news when the loop was over in the past", () => {
  for (const end of [stop(at(150)), [started(at(150))]]) {
    const notified = new Notified();
    notified.take([...crashes(5), ...end], at(3600));
    assert.deepEqual(notified.wait(at(20_000)), []);
  }
});

Deno.test("news of the past do not wait for ever while more of them come", () => {
  const notified = new Notified();
  // A node whose clock is a minute behind: all of its news are of the past.
  for (let index = 0; index < 60; index++) {
    const now = at(60 + index);
    notified.wait(now);
    notified.take([started(at(index)), ...crash(at(index + 0.5))], now);
  }
  assert.deepEqual(notified.said, ["90 first 30"]);
});

Deno.test("news of the past wait again when there is another past to hear of", () => {
  const notified = new Notified();
  notified.take([...crashes(5), ...stop(at(200))], at(3600));
  assert.deepEqual(notified.take(crashes(5, 5000, 20, { allocation: "a2" }), at(9000)), []);
  assert.equal(notified.reasons.at(-1), "catching-up");
  assert.deepEqual(notified.wait(at(9001)), []);
  assert.deepEqual(notified.take(stop(at(6000), jobStopped, { allocation: "a2" }), at(9001.5)), []);
  assert.deepEqual(notified.wait(at(30_000)), []);
});

Deno.test("a run of the past that would have been stable before the last failure is none that goes on", () => {
  const notified = new Notified();
  notified.take(crashes(3, 1000, 20, { allocation: "a2" }));
  notified.take([started(at(0))], at(1050));
  assert.deepEqual(notified.wait(at(4000)), []);
});

Deno.test("what is news is told at once, though the beginning is of the past", () => {
  const notified = new Notified();
  notified.take(crashes(2), at(3600));
  assert.deepEqual(notified.take(crashes(1, 3590), at(3600)), ["3600 first 3"]);
});

Deno.test("where the clock is that of the events, nothing waits and nothing is of the future", () => {
  const notified = new Notified({}, { streaks: new Map(), now: undefined });
  notified.take(crashes(1, 10_000, 20, { job: "later" }));
  assert.deepEqual(notified.take(crashes(3), at(10_001)), ["10001 first 3"]);
  assert.deepEqual(notified.take(crashes(3, 200_000, 20, { job: "clock" }), at(10_002)), ["10002 first 3"]);
});

Deno.test("record() takes no event of tomorrow, and those of a clock that is ahead by less", () => {
  const day = 86_400;
  const notified = new Notified();
  notified.take(crashes(3, day + 1), at(0));
  assert.deepEqual([...new Set(notified.reasons)], ["outside-window"]);
  assert.equal(notified.loops.names, 0);
  assert.deepEqual(notified.take(crashes(3, day - 100), at(0)), ["0 first 3"]);
});

Deno.test("record() takes no failure for news that is older than what is remembered", () => {
  const notified = new Notified();
  const now = at(0) + idleTimeout;
  notified.take([restarting(at(0))], now);
  assert.deepEqual(notified.reasons, ["outside-window"]);
  notified.take([restarting(at(0) + 1n)], now);
  assert.deepEqual(notified.reasons.at(-1), "below-threshold");
  notified.take([restarting(at(0) + 1n - idleTimeout)], now);
  assert.deepEqual(notified.reasons.at(-1), "outside-window");
  notified.take([restarting(-5n)], now);
  assert.deepEqual(notified.reasons.at(-1), "outside-window");
});

Deno.test("record() takes all that happened to a known row while the detector was away", () => {
  const before = new Notified();
  before.take(crashes(2));
  const after = new Notified({}, { streaks: before.streaks, now: at(20_000) });
  after.take(crashes(1, 3600), at(20_001));
  assert.equal(after.streaks.get(name)?.failures, 3);
});

Deno.test("a loop of which nothing is heard is over in the end, and forgotten", () => {
  const notified = new Notified();
  notified.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  assert.deepEqual(
    notified.wait(at(100_000)),
    ["3641 repeat 3", "7241 repeat 3", "10841 over: no event for 3 h"],
  );
  assert.equal(notified.alerts.at(-1)!.reason, "resolved");
  assert.equal(notified.loops.names, 0);
  assert.equal(notified.streaks.size, 0);
});

Deno.test("a loop stays one through pauses that grow beyond the silence", () => {
  const notified = new Notified({ notificationInterval: 1000n * hours });
  notified.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  let time = 41;
  for (let pause = 3600; pause <= 16 * 3600; pause *= 2) {
    time += pause;
    const of = { allocation: `b${pause}` };
    notified.take([started(at(time - 1), of), ...giveUp(at(time), of)]);
  }
  assert.deepEqual(notified.said, ["41 first 3"]);
  assert.equal(notified.streaks.get(name)?.failures, 8);
  assert.deepEqual(notified.wait(at(10_000_000)), [
    `${time + 48 * 3600} over: no event for 48 h`,
  ]);
});

Deno.test("a task that runs is not silent", () => {
  const notified = new Notified({ stableAfter: 24n * hours });
  notified.take([...crashes(3), started(at(60))]);
  assert.equal(notified.wait(at(60 + 86_399)).filter((said) => said.includes("over")).length, 0);
  assert.deepEqual(notified.wait(at(60 + 86_400)), ["86460 over: it ran for 24 h"]);
});

Deno.test("tasks that do not fail leave nothing behind, and those that failed are forgotten", () => {
  const notified = new Notified();
  for (let index = 0; index < 1000; index++) {
    const of = { index };
    notified.take(
      [taskUpdate({ ...of, time: at(0) }), started(at(1), of), ...stop(at(500), drained, of)],
      at(500),
    );
  }
  assert.equal(notified.loops.names, 0);
  for (let index = 0; index < 1000; index++) notified.take(crashes(2, 1000, 20, { index }), at(1030));
  assert.equal(notified.loops.names, 1000);
  assert.deepEqual(notified.wait(at(1021) + 2_000_000n + idleTimeout - 1n), []);
  assert.equal(notified.loops.names, 1000);
  assert.deepEqual(notified.wait(at(1021) + 2_000_000n + idleTimeout), []);
  assert.deepEqual([notified.loops.names, notified.streaks.size, notified.loops.nextDue], [0, 0, undefined]);
});

Deno.test("a task that crashes once after a long run leaves nothing for long", () => {
  const notified = new Notified();
  const of = { fields: { TaskStartedAt: "2026-11-23T03:42:54Z" } };
  notified.take(crash(at(0), of));
  notified.take([started(at(20))]);
  notified.wait(at(20) + idleTimeout);
  assert.equal(notified.loops.names, 0);
});

/** Tasks that are counted by themselves, though their updates come mixed. */
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
    const notified = new Notified();
    const mixed = [0, 1, 2].flatMap((index) => [
      ...crashes(1, index * 20, 20, first),
      ...index < 2 ? crashes(1, index * 20 + 5, 20, second) : [],
    ]);
    notified.take(mixed);
    assert.deepEqual(notified.said, ["41 first 3"]);
    assert.equal(notified.alerts[0]!.name, decoded(taskUpdate(first)).name);
    assert.equal(notified.loops.names, 2);
    notified.take(stop(at(50), jobStopped, second));
    assert.deepEqual(notified.wait(at(60)), []);
    assert.deepEqual(notified.take(crashes(3, 100, 20, { ...second, allocation: "a3" })), ["141 first 3"]);
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
    const notified = new Notified();
    notified.take([...crashes(2, 0, 20, first), ...crashes(1, 60, 20, second)]);
    assert.deepEqual(notified.said, ["61 first 3"]);
    assert.equal(notified.loops.names, 1);
  });
}

Deno.test("restore() goes on as if there had been no end", () => {
  const updates = [
    ...crashes(4),
    started(at(100)),
    ...giveUp(at(101)),
    ...crashes(4, 200, 20, { allocation: "a2" }),
  ];
  for (let cut = 1; cut < updates.length; cut++) {
    const whole = new Notified();
    whole.take(updates);
    const before = new Notified();
    before.take(updates.slice(0, cut));
    const after = new Notified({}, { streaks: before.streaks, now: at(200) });
    after.take(updates.slice(cut));
    assert.deepEqual([...before.said, ...after.said], whole.said, `cut at ${cut}`);
    assert.deepEqual(after.streaks, whole.streaks, `cut at ${cut}`);
  }
});

Deno.test("restore() says nothing before what happened meanwhile could be heard", () => {
  const before = new Notified();
  before.take([...crashes(3), started(at(60))]);
  // The detector was away for five hours: the run may have been stable, or not.
  const now = at(18_000);
  const quiet = now + 30n * seconds;
  const unheard = new Notified({}, { streaks: before.streaks, now });
  assert.deepEqual(unheard.wait(quiet - 1n), []);
  assert.deepEqual(unheard.wait(quiet), ["18030 over: it ran for 10 min"]);
  const failed = new Notified({}, { streaks: before.streaks, now });
  failed.take([...crash(at(61)), ...crashes(1, 80)], now + seconds);
  assert.deepEqual(failed.wait(quiet - 1n), []);
  assert.deepEqual(failed.wait(quiet), ["18030 over: no event for 4 h 59 min 9 s"]);
});

Deno.test("restore() lets what happened meanwhile be heard before a loop is told again", () => {
  const before = new Notified();
  before.take(crashes(3));
  const now = at(9000);
  const stopped = new Notified({}, { streaks: before.streaks, now });
  assert.deepEqual(stopped.take([...crashes(10, 60), ...stop(at(500))], now + seconds), [
    "9001 over: it was stopped",
  ]);
  const looping = new Notified({}, { streaks: before.streaks, now });
  assert.deepEqual(looping.take(crashes(10, 60), now + seconds), []);
  assert.deepEqual(looping.wait(now + 31n * seconds), ["9030 repeat 13"]);
});

Deno.test("an alert has the failures that are remembered, and says where there can be more", () => {
  const notified = new Notified({ restartCount: 99 });
  notified.take(crashes(99));
  assert.deepEqual([notified.alerts[0]!.eventLog.length, notified.alerts[0]!.limit], [99, undefined]);
  const more = new Notified({ restartCount: 250 });
  more.take(crashes(250, 0, 5));
  const [alert] = more.alerts;
  assert.deepEqual([alert!.eventLog.length, alert!.limit, alert!.details!.Failures], [100, 100, 250]);
  assert.equal(alert!.eventLog.at(-1), at(249 * 5 + 1) + 2_000_000n);
});

Deno.test("failures that no event told of make a loop", () => {
  const notified = new Notified({ restartCount: 5 });
  notified.take([restarting(at(0)), restarting(at(1), { fields: { MissedRestarts: 399 } })]);
  assert.deepEqual(notified.said, ["1 first 401"]);
  const { Failures, Missed } = notified.alerts[0]!.details!;
  assert.deepEqual([Failures, Missed], [401, 399]);
});

Deno.test("ids are the same whoever computes them, and another one for each telling", () => {
  const life = [
    ...crashes(3),
    ...crashes(2, 3700),
    ...stop(at(4000)),
    ...crashes(3, 9000, 20, { allocation: "a2" }),
  ];
  const [one, other] = [new Notified(), new Notified()];
  one.take(life);
  other.take(life);
  assert.deepEqual(one.said, ["41 first 3", "3641 repeat 3", "4000 over: it was stopped", "9041 first 3"]);
  assert.deepEqual(one.alerts, other.alerts);
  assert.equal(new Set(one.alerts.map(({ id }) => id)).size, 4);
});

Deno.test("due() looks at so many rows at a time, and says that there are more", () => {
  const notified = new Notified();
  for (let index = 0; index < 30; index++) notified.take(crashes(3, 0, 20, { index }), at(45));
  const now = at(45) + 1n * hours;
  const decisions: string[] = [];
  for (let calls = 0; notified.loops.nextDue! <= now; calls++) {
    assert.ok(calls < 10);
    const some = notified.loops.due(now, 7);
    assert.ok(some.length <= 7);
    decisions.push(...some.map(({ reason }) => reason));
  }
  assert.deepEqual(decisions, Array(30).fill("repeat"));
});

/** A life of chance, and how many failures in a row it ends with. */
function chance(random: Random): { updates: string[]; failures: number; until: number } {
  const updates: string[] = [];
  let [time, allocation, failures] = [0, 1, 0];
  const isOrdered = random.chance(0.5);
  for (let runs = random.between(1, 25); runs > 0; runs--) {
    const how = random.pick(["crash", "crash", "crash", "give up", "driver", "template", "wanted", "deploy"]);
    const hasStart = how !== "driver" && how !== "template";
    const isStable = hasStart && random.chance(0.1);
    const TaskStartedAt = hasStart ? formatTime(at(time)) : "0001-01-01T00:00:00Z";
    const CreateIndex = isOrdered ? 10 * allocation : 0;
    const of = { allocation: `a${allocation}`, fields: { TaskStartedAt, CreateIndex } };
    if (hasStart) updates.push(started(at(time), of));
    time += isStable ? random.between(600, 2000) : random.between(1, 599);
    updates.push(...endings[how]!(at(time), of));
    if (isStable) failures = 0;
    else if (how !== "wanted" && how !== "deploy") failures++;
    if (["give up", "template", "deploy"].includes(how)) allocation++;
    time += random.between(5, 1000);
  }
  return { updates, failures, until: time };
}

const endings: Readonly<Record<string, (time: bigint, of: TaskUpdate) => string[]>> = {
  crash,
  "give up": giveUp,
  driver: (time, of) => [taskUpdate({ ...of, type: "Driver Failure", time }), restarting(time + 1n, of)],
  template: (time, of) => [killing(time, { ...of, fails: true }), killing(time + seconds, of)],
  wanted: (time, of) => [terminated(time, 130, 2, of), restarting(time + 1n, { ...of, reason: "" })],
  deploy: (time, { allocation, fields }) =>
    stop(time, deployed, { allocation: allocation!, fields: fields! }),
};

Deno.test("three hundred lives of chance: each failure counts once, in whatever order they come again", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const { updates, failures, until } = chance(random);
    const notified = new Notified({ restartCount: 1_000 });
    notified.take(updates);
    assert.equal(notified.streaks.get(name)?.failures ?? 0, failures, `seed ${seed}`);
    const before = notified.streaks.get(name);
    const isInOrder = random.chance(0.5);
    const part = random.chance(0.5) ? updates : updates.slice(random.below(updates.length));
    notified.take(isInOrder ? part : random.shuffle(part), at(until));
    const after = notified.streaks.get(name);
    assert.equal(after?.failures ?? 0, failures, `seed ${seed}, again`);
    if (before === undefined || after === undefined) continue;
    assert.deepEqual(after.log, before.log, `seed ${seed}, again`);
    if (failures > 0) assert.equal(after.clearedAt, before.clearedAt, `seed ${seed}, again`);
    if (isInOrder) assert.equal(runningSince(after), runningSince(before), `seed ${seed}, again`);
  }
});

/** A rule whose source sees what happens up to the beginning of the tests' time. */
function sighted(differs: Partial<FailuresThresholds> = {}, losesEvents = false): Notified {
  const visibility = new Visibility("blind");
  visibility.losesEvents = losesEvents;
  visibility.regain(at(-1));
  return new Notified(differs, undefined, visibility);
}

for (
  const [what, updates, then] of [
    ["ran on", [], ["4000 over: it ran for 10 min"]],
    ["crashed", crash(at(100)), ["4000 repeat 4"]],
    ["crashed again and again", [...crash(at(100)), ...crashes(5, 200)], ["4000 repeat 9"]],
    ["was stopped", stop(at(300)), ["4000 over: it was stopped"]],
    ["crashed, and ran then", [...crash(at(100)), started(at(120))], ["4000 over: it ran for 10 min"]],
    ["crashed, and runs for less", [...crash(at(100)), started(at(3500))], ["4000 repeat 4"]],
  ] as const
) {
  Deno.test(`while the source is blind, time alone says nothing; then what is true: the task ${what}`, () => {
    const notified = sighted();
    notified.take([...crashes(3), started(at(60))]);
    notified.see(at(70));
    notified.visibility.lose();
    assert.deepEqual(notified.wait(at(3990)), []);
    const said = notified.take(updates, at(4000));
    assert.deepEqual([...said, ...notified.wait(at(4000)), ...notified.see(at(4000))], then);
  });
}

Deno.test("a run is known to last only until something was heard last", () => {
  const notified = sighted({ stableAfter: 30n * seconds });
  notified.take([...crashes(3), started(at(60))]);
  notified.see(at(89));
  assert.deepEqual(notified.wait(at(154)), []);
  notified.visibility.lose();
  assert.deepEqual(notified.wait(at(1000)), []);
  assert.deepEqual(notified.take([...crash(at(85)), ...crashes(1, 900)], at(1000)), []);
  assert.deepEqual(notified.see(at(1000)), []);
  notified.take([started(at(1001))]);
  assert.deepEqual(notified.see(at(1030)), []);
  assert.deepEqual(notified.see(at(1031)), ["1031 over: it ran for 30 s"]);
});

Deno.test("a loop is told though the source is blind, once events made it one; and again only when it sees", () => {
  const notified = sighted();
  notified.visibility.lose();
  assert.deepEqual(notified.take(crashes(5), at(600)), []);
  assert.deepEqual(notified.wait(at(602)), ["602 first 5"]);
  assert.deepEqual(notified.wait(at(10_000)), []);
  assert.deepEqual(notified.see(at(10_000)), ["10000 repeat 5"]);
  assert.deepEqual(notified.see(at(11_401)), []);
  assert.deepEqual(notified.see(at(11_402)), ["11402 repeat 5"]);
});

Deno.test("of the silence of a task counts only what could be heard", () => {
  const notified = sighted({ notificationInterval: 1000n * hours });
  notified.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  notified.see(at(3641));
  notified.visibility.lose();
  assert.deepEqual(notified.see(at(3641 + 36_000)), []);
  const end = 41 + 10_800 + 36_000;
  assert.deepEqual(notified.see(at(end)), []);
  assert.deepEqual(notified.see(at(end + 1)), [`${end + 1} over: no event for 3 h 1 s`]);
});

Deno.test("a run is not known to have lasted through a time in which events can be lost", () => {
  const notified = sighted({}, true);
  notified.take([...crashes(3), started(at(60))]);
  notified.see(at(160));
  notified.visibility.lose();
  assert.deepEqual(notified.see(at(1160)), []);
  assert.deepEqual(notified.see(at(1659)), []);
  assert.deepEqual(notified.see(at(1660)), ["1660 over: it ran for 10 min"]);
});

for (
  const [what, losesEvents, fields, failures] of [
    ["nothing is lost", false, {}, undefined],
    ["events can be lost", true, {}, 4],
    ["the update says that the run is the same", true, { TaskStartedAt: formatTime(at(60)) }, undefined],
    ["the update says that a later one ended", true, { TaskStartedAt: formatTime(at(1150)) }, 4],
    ["the update says that a later one began since", true, { TaskStartedAt: formatTime(at(1170)) }, 4],
    ["events before the update are missing", false, { EventsMissed: true }, 4],
    [
      "events are missing, but the run is the same",
      false,
      { EventsMissed: true, TaskStartedAt: formatTime(at(60)) },
      undefined,
    ],
  ] as const
) {
  Deno.test(`a run that ends after a gap was ${failures ? "not " : ""}stable where ${what}`, () => {
    const notified = sighted({}, losesEvents);
    notified.take([...crashes(3), started(at(60))]);
    notified.see(at(70));
    notified.visibility.lose();
    const said = notified.take(crash(at(1160), { fields }), at(1165));
    assert.deepEqual(said, failures ? [] : ["1165 over: it ran for 10 min"]);
    assert.equal(notified.streaks.get(name)?.failures || undefined, failures);
  });
}

Deno.test("after a start nothing ends by time before the source sees, and the time before is no silence", () => {
  const before = new Notified();
  before.take(crashes(3));
  const now = at(50_000);
  const after = new Notified({}, { streaks: before.streaks, now }, new Visibility("blind"));
  assert.deepEqual(after.wait(now + 3600n * seconds), []);
  assert.deepEqual(after.see(now + 3600n * seconds), ["53600 repeat 3"]);
  assert.deepEqual(after.see(now + 3601n * seconds), []);
});

Deno.test("the end of a row that was forgotten meanwhile is nobody's", () => {
  const notified = sighted();
  notified.take([...crashes(1), started(at(60))]);
  notified.visibility.lose();
  notified.wait(at(700));
  notified.take(stop(at(701)));
  notified.wait(at(701) + 2n * idleTimeout);
  assert.equal(notified.loops.names, 0);
  assert.deepEqual(notified.see(at(702) + 2n * idleTimeout), []);
  assert.equal(notified.loops.nextDue, undefined);
});

Deno.test("three hundred lives with a source that goes blind: what is said to have lasted did", () => {
  let [ends, gaps] = [0, 0];
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const { updates, failures, until } = chance(random);
    const events = updates.map((update) => ({ update, event: decoded(update) }));
    const notified = sighted({ restartCount: 1, notificationInterval: 1n * hours });
    const check = (said: readonly string[], now: bigint) => {
      for (const line of said.filter((line) => line.includes("it ran for"))) {
        ends++;
        const lasted = events.some(({ event }, index) => {
          const end = events.slice(index + 1).find(({ event: { type } }) => type !== "Received")?.event.time;
          return event.type === "Started" && (end ?? now) - event.time >= usual.stableAfter;
        });
        assert.ok(lasted, `seed ${seed}: ${line}`);
      }
    };
    let held: string[] = [];
    const show = (now: bigint) => {
      check(notified.take(held, now), now);
      held = [];
      check(notified.see(now), now);
    };
    for (const { update, event } of events) {
      check(notified.wait(event.time), event.time);
      if (!notified.visibility.isBlind && random.chance(0.2)) {
        notified.visibility.lose();
        gaps++;
      } else if (notified.visibility.isBlind && random.chance(0.4)) show(event.time);
      held.push(update);
      if (!notified.visibility.isBlind) show(event.time);
    }
    assert.ok(!notified.visibility.isBlind || held.length > 0 || notified.wait(at(until + 5)).length === 0);
    show(at(until + 5));
    assert.equal(notified.streaks.get(name)?.failures ?? 0, failures, `seed ${seed}`);
  }
  assert.ok(ends > 50 && gaps > 200, `${ends} ends, ${gaps} gaps`);
});

/** A loop of three runs, and a run that ends it after ten minutes: 12 minutes in all. */
const cycle = (from: number) => [...crashes(3, from), started(at(from + 60))];

Deno.test("a new loop after an end that was sent is told at once, the third as flapping", () => {
  const notified = new Notified();
  notified.take([...cycle(0), ...crash(at(720)), ...cycle(740), ...crash(at(1460)), ...cycle(1480)]);
  assert.deepEqual(notified.said, [
    "41 first 3",
    "660 over: it ran for 10 min",
    "781 first 3",
    "1400 over: it ran for 10 min",
    "1521 first 3",
  ]);
  const since = notified.alerts.filter(({ reason }) => reason === "first").map(({ details }) =>
    details!.FlappingSince
  );
  assert.deepEqual(since, [undefined, undefined, formatTime(at(41) + 2_000_000n)]);
  assert.match(
    notified.alerts.at(-1)!.details!.Reason,
    /^flaps since \S+ \S+: exited with 1 after 1 s, 3 times since /,
  );
});

/** Until it is told as flapping: at 1521, since 41; it runs from 1540 on. */
const flapping = [...cycle(0), ...crash(at(720)), ...cycle(740), ...crash(at(1460)), ...cycle(1480)];

Deno.test("a loop that flaps is over when a run lasted as long as it flapped, and quiet until then", () => {
  const notified = new Notified({ notificationInterval: 30n * minutes });
  notified.take(flapping);
  notified.said.length = 0;
  notified.take([...crash(at(2300)), ...cycle(2320), ...crash(at(3300)), started(at(3330))]);
  // It flapped for 3259 s.
  assert.deepEqual(notified.wait(at(3330 + 3258)).filter((said) => said.includes("over")), []);
  const over = notified.wait(at(3330 + 3260));
  assert.deepEqual(over, ["6589 over: it ran for 54 min 19 s"]);
  assert.equal(notified.alerts.at(-1)!.details!.FlappingSince, formatTime(at(41) + 2_000_000n));
});

Deno.test("a loop that flaps is not told again while it runs well, and is when it fails again", () => {
  const notified = new Notified({ notificationInterval: 30n * minutes });
  notified.take(flapping);
  notified.said.length = 0;
  assert.deepEqual(notified.wait(at(2900)), []);
  notified.take(crash(at(2950)));
  assert.deepEqual(notified.said, []);
  assert.deepEqual(notified.wait(at(3322)), ["3321 repeat 4"]);
  assert.ok(notified.alerts.at(-1)!.details!.FlappingSince);
});

Deno.test("a loop that flaps is over at once when the job is stopped", () => {
  const notified = new Notified();
  notified.take([...flapping, ...stop(at(1600))]);
  assert.equal(notified.said.at(-1), "1600 over: it was stopped");
});

Deno.test("a batch task that flaps is over when no run failed for as long as it flapped", () => {
  const done = (time: number) => [
    started(at(time)),
    terminated(at(time + 1), 0, 0, { fields: { ClientStatus: "complete", TaskState: "dead" } }),
  ];
  const notified = new Notified();
  notified.take([...crashes(3), ...done(60), ...crashes(3, 900), ...done(960), ...crashes(3, 1800)]);
  assert.equal(notified.said.length, 5);
  assert.ok(notified.alerts.at(-1)!.details!.FlappingSince);
  notified.said.length = 0;
  notified.take([...done(1860), ...crashes(1, 2700), ...done(2760), ...done(3660), started(at(5390))]);
  // It flapped from 41 to 2701, and is quiet since 2761.
  assert.deepEqual(notified.wait(at(5420)), []);
  assert.deepEqual(notified.said, []);
  assert.deepEqual(notified.wait(at(5422)), ["5421 over: no run failed for 44 min 20 s"]);
});

Deno.test("three loops in more than the interval do not flap, nor do such whose ends are not sent", () => {
  const far = new Notified({ notificationInterval: 24n * minutes });
  far.take(flapping);
  assert.ok(far.alerts.every(({ details }) => details!.FlappingSince === undefined));
  assert.equal(far.alerts.length, 5);
  const unsent = new Notified({ notifyResolved: false, notificationInterval: 24n * minutes });
  unsent.take(flapping);
  assert.deepEqual(unsent.alerts.map(({ details }) => details!.FlappingSince), [undefined, undefined]);
});

Deno.test("a loop that flaps does so after a start too, whenever that was", () => {
  const whole = new Notified();
  whole.take(flapping);
  whole.wait(at(4000));
  for (let index = 1; index < flapping.length; index++) {
    const before = new Notified();
    before.take(flapping.slice(0, index));
    const now = decoded(flapping[index]!).time;
    before.wait(now - 31n * seconds);
    const after = new Notified({}, { streaks: before.streaks, now: now - 30n * seconds });
    after.take(flapping.slice(index));
    after.wait(at(4000));
    assert.deepEqual(
      [...before.alerts, ...after.alerts].map(({ id }) => id),
      whole.alerts.map(({ id }) => id),
    );
  }
});

Deno.test("restore() reads rows of before there was flapping: their new loops wait for the interval", () => {
  const before = new Notified();
  before.take([...crashes(3), ...stop(at(50))]);
  const streak = before.streaks.get(name)!;
  streak.notified = { id: streak.notified!.id, repeats: 0, at: streak.notified!.at, resolved: true };
  const after = new Notified({}, { streaks: before.streaks, now: at(60) });
  assert.deepEqual(after.take(crashes(3, 100, 20, { allocation: "a2" })), []);
  assert.deepEqual(after.wait(at(3642)), ["3641 first 3"]);
  assert.deepEqual(after.take(stop(at(3700), jobStopped, { allocation: "a2" })), [
    "3700 over: it was stopped",
  ]);
  assert.deepEqual(after.take(crashes(3, 3800, 20, { allocation: "a3" })), ["3841 first 3"]);
});
