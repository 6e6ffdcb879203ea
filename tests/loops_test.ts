// When the rule `loops` tells, tells again, says that a loop is over, and forgets.
import assert from "node:assert/strict";
import type { Alert } from "../src/alert.ts";
import { type Row, runningSince } from "../src/row.ts";
import { Loops, type LoopThresholds, silentAfter } from "../src/loops.ts";
import type { Decision } from "../src/rule.ts";
import { Sight } from "../src/sight.ts";
import { formatTime } from "../src/time.ts";
import {
  at,
  crash,
  crashes,
  deployed,
  drained,
  giveUp,
  jobStopped,
  killing,
  restarting,
  type Said,
  said,
  seen,
  started,
  stop,
  terminated,
} from "./helpers/runs.ts";
import { Random } from "./helpers/random.ts";

const seconds = 1_000_000_000n;
const minutes = 60n * seconds;
const hours = 60n * minutes;

const usual: LoopThresholds = {
  restartCount: 3,
  stableAfter: 10n * minutes,
  notificationInterval: 1n * hours,
  notifyResolved: true,
};

/** Goes on where one stopped that kept these rows; `now` is that of the wall. */
interface Restored {
  readonly rows: ReadonlyMap<string, Row>;
  readonly now: bigint | undefined;
}

/** The rule, and what it told and kept. */
class Told {
  readonly loops: Loops;
  readonly rows = new Map<string, Row>();
  readonly alerts: Alert[] = [];
  /** `first 3`, `repeat 9`, `over: it was stopped`. */
  readonly said: string[] = [];
  readonly reasons: string[] = [];
  #now = -1n << 63n;

  constructor(
    differs: Partial<LoopThresholds> = {},
    restored?: Restored,
    readonly sight: Sight = new Sight(),
  ) {
    const row = (name: string, row: Row | undefined) => {
      if (row === undefined) this.rows.delete(name);
      else this.rows.set(name, structuredClone(row));
    };
    this.loops = new Loops({ ...usual, ...differs }, { row }, sight);
    if (restored !== undefined) {
      const rows = () => structuredClone(restored.rows);
      this.loops.restore({ rows }, restored.now);
    }
  }

  /** Takes updates, each at its own time unless told. Yields what was told of them. */
  take(updates: readonly string[], now?: bigint): string[] {
    const before = this.said.length;
    for (const update of updates) {
      const event = seen(update);
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
    this.sight.regain(until);
    this.sight.hear(until);
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
    if (decision.reason === "recovered") this.said.push(`${after} over: ${decision.because}`);
    else if ("alert" in decision) {
      this.said.push(`${after} ${decision.reason} ${decision.alert!.story!.Failures}`);
    }
  }
}

const name = "api.web[0]/app";

Deno.test("record() tells a loop once when the run fails that makes it enough", () => {
  const told = new Told();
  assert.deepEqual(told.take(crashes(3)), ["41 first 3"]);
  assert.deepEqual(told.take(crashes(20, 60)), []);
  const [alert] = told.alerts;
  assert.equal(alert!.reason, "first");
  assert.equal(alert!.name, name);
  assert.equal(alert!.loop, alert!.id);
  assert.match(alert!.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(alert!.eventLog, [1, 21, 41].map((second) => at(second) + 2_000_000n));
});

Deno.test("record() decides with a reason", () => {
  const told = new Told();
  told.take([
    started(at(0)),
    restarting(at(1), { reason: "" }),
    ...crashes(3).slice(1),
    ...crashes(1, 60),
    restarting(at(61.002)),
    restarting(at(62), { reason: "" }),
  ]);
  assert.deepEqual(told.reasons, [
    "noted",
    "intended",
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
    "intended",
  ]);
});

Deno.test("due() tells a loop again at each interval, however long Nomad waits, until it is over", () => {
  const told = new Told();
  told.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  // Every hour one more failure, in another allocation.
  for (let hour = 1; hour <= 6; hour++) {
    const of = { allocation: `b${hour}` };
    told.take([started(at(hour * 3600 + 60), of), ...giveUp(at(hour * 3600 + 61), of)]);
  }
  assert.deepEqual(told.said, [
    "41 first 3",
    "3641 repeat 3",
    "7241 repeat 4",
    "10841 repeat 5",
    "14441 repeat 6",
    "18041 repeat 7",
    "21641 repeat 8",
  ]);
  assert.equal(new Set(told.alerts.map(({ id }) => id)).size, 7);
  assert.equal(new Set(told.alerts.map(({ loop }) => loop)).size, 1);
});

Deno.test("due() keeps to the phase of the first telling when it is asked late", () => {
  const told = new Told({ stableAfter: 24n * hours });
  told.take([...crashes(3), started(at(60))]);
  const next = () => told.loops.nextDue! - at(41) - 2_000_000n;
  assert.equal(next(), 1n * hours);
  assert.equal(told.loops.due(at(41 + 3600 * 2.5), 500)[0]?.reason, "repeat");
  assert.equal(next(), 3n * hours);
});

Deno.test("due() says that a loop is over at the moment when a run is stable", () => {
  const told = new Told();
  told.take([...crashes(3), started(at(60))]);
  assert.deepEqual(told.wait(at(660) - 1n), []);
  assert.deepEqual(told.wait(at(660)), ["660 over: it ran for 10 min"]);
  const resolved = told.alerts.at(-1)!;
  assert.deepEqual([resolved.reason, resolved.loop], ["resolved", told.alerts[0]!.id]);
  assert.notEqual(resolved.id, told.alerts[0]!.id);
  assert.deepEqual(told.wait(at(100_000)), []);
});

Deno.test("record() goes on with a loop whose run ends a nanosecond before it is stable", () => {
  const told = new Told();
  told.take([...crashes(3), started(at(60)), terminated(at(660) - 1n), restarting(at(660))]);
  assert.deepEqual(told.said, ["41 first 3"]);
  told.take([started(at(700)), terminated(at(1300)), restarting(at(1300.1))]);
  assert.deepEqual(told.said, ["41 first 3", "1300 over: it ran for 10 min"]);
});

Deno.test("record() does not count a crash after a stable run, whoever noticed first that it was one", () => {
  for (const noticed of [true, false]) {
    const told = new Told({ restartCount: 2 });
    told.take([...crashes(1), started(at(20))]);
    if (noticed) told.wait(at(700));
    told.take([...crash(at(700)), ...crashes(1, 720)]);
    assert.deepEqual(told.said, [], `${noticed}`);
    assert.deepEqual(told.take(crashes(1, 740)), ["741 first 2"]);
  }
});

for (
  const [what, updates, because] of [
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
    const told = new Told();
    told.take([...crashes(3), ...updates]);
    assert.deepEqual(told.said, ["41 first 3", because]);
    assert.deepEqual(told.wait(at(100_000)), []);
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
    const told = new Told();
    told.take([...crashes(3), ...updates]);
    assert.equal(told.rows.get(name)?.failures, 3);
    assert.deepEqual(told.said, ["41 first 3"]);
    assert.deepEqual(told.wait(at(660)), ["651 over: it ran for 10 min"]);
  });
}

Deno.test("record() lets no restart that somebody asked for make a loop", () => {
  const told = new Told();
  for (let index = 0; index < 50; index++) {
    const time = index * 20;
    told.take([
      started(at(time)),
      terminated(at(time + 5), 130, 2),
      restarting(at(time + 6), { reason: "" }),
    ]);
  }
  assert.deepEqual(told.said, []);
  assert.equal(told.loops.names, 0);
});

Deno.test("nothing is told of an end where that is not wanted; the log hears of it", () => {
  const told = new Told({ notifyResolved: false });
  told.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(told.said, ["41 first 3", "50 over: it was stopped"]);
  assert.deepEqual(told.alerts.map(({ reason }) => reason), ["first"]);
});

Deno.test("a new loop after an end that was not sent is told when the interval is over, if it is one then", () => {
  const told = new Told({ notifyResolved: false });
  told.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(told.take(crashes(5, 100, 20, { allocation: "a2" })), []);
  assert.equal(told.reasons.at(-1), "already-notified");
  assert.deepEqual(told.wait(at(3642)), ["3641 first 5"]);
  assert.notEqual(told.alerts.at(-1)!.loop, told.alerts[0]!.loop);
  const short = new Told({ notifyResolved: false });
  short.take([...crashes(3), ...stop(at(50)), ...crashes(5, 100, 20, { allocation: "a2" })]);
  short.take(stop(at(300), jobStopped, { allocation: "a2" }));
  assert.deepEqual(short.wait(at(20_000)), []);
});

Deno.test("a new loop is told at once when the interval is over already", () => {
  const told = new Told();
  told.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(told.take(crashes(3, 4000, 20, { allocation: "a2" })), ["4041 first 3"]);
});

Deno.test("what was told is remembered for as long as an interval that is longer than the silence", () => {
  const told = new Told({ notificationInterval: 24n * hours, notifyResolved: false });
  told.take([...crashes(3), ...stop(at(50))]);
  told.wait(at(43_200));
  assert.deepEqual(told.take(crashes(3, 43_200, 20, { allocation: "a2" })), []);
  assert.deepEqual(told.wait(at(86_442)), []);
  assert.deepEqual(told.take(crashes(3, 90_000, 20, { allocation: "a3" })), ["90041 first 3"]);
});

Deno.test("record() does not tell the old history of a loop that is over, when all of it comes again", () => {
  const updates = [...crashes(5), ...stop(at(150))];
  const told = new Told();
  told.take(updates);
  assert.deepEqual(told.said, ["41 first 3", "150 over: it was stopped"]);
  for (const later of [151, 3700, 3600 * 2.9, 3600 * 3.5, 3600 * 50]) {
    told.wait(at(later));
    assert.deepEqual(told.take(updates, at(later)), [], `${later} s later`);
    assert.deepEqual(told.wait(at(later + 100)), []);
  }
});

Deno.test("record() changes nothing when all of a loop that goes on comes again", () => {
  const updates = [...crashes(3), ...giveUp(at(62)), ...crashes(30, 100, 20, { allocation: "a2" })];
  const told = new Told();
  told.take(updates);
  const before = told.rows.get(name);
  assert.equal(before?.failures, 34);
  told.take(updates, at(701));
  assert.deepEqual(told.rows.get(name), before);
  assert.deepEqual(told.said, ["41 first 3"]);
});

Deno.test("news of the past wait a moment, and are told once if nothing followed", () => {
  const told = new Told();
  const now = at(3600);
  assert.deepEqual(told.take(crashes(5), now), []);
  assert.equal(told.reasons.at(-1), "catching-up");
  assert.deepEqual(told.wait(now + 2n * seconds - 1n), []);
  assert.deepEqual(told.wait(now + 2n * seconds), ["3602 first 5"]);
});

Deno.test("news of the past are no news when the loop was over in the past", () => {
  for (const end of [stop(at(150)), [started(at(150))]]) {
    const told = new Told();
    told.take([...crashes(5), ...end], at(3600));
    assert.deepEqual(told.wait(at(20_000)), []);
  }
});

Deno.test("news of the past do not wait for ever while more of them come", () => {
  const told = new Told();
  // A node whose clock is a minute behind: all of its news are of the past.
  for (let index = 0; index < 60; index++) {
    const now = at(60 + index);
    told.wait(now);
    told.take([started(at(index)), ...crash(at(index + 0.5))], now);
  }
  assert.deepEqual(told.said, ["90 first 30"]);
});

Deno.test("news of the past wait again when there is another past to hear of", () => {
  const told = new Told();
  told.take([...crashes(5), ...stop(at(200))], at(3600));
  assert.deepEqual(told.take(crashes(5, 5000, 20, { allocation: "a2" }), at(9000)), []);
  assert.equal(told.reasons.at(-1), "catching-up");
  assert.deepEqual(told.wait(at(9001)), []);
  assert.deepEqual(told.take(stop(at(6000), jobStopped, { allocation: "a2" }), at(9001.5)), []);
  assert.deepEqual(told.wait(at(30_000)), []);
});

Deno.test("a run of the past that would have been stable before the last failure is none that goes on", () => {
  const told = new Told();
  told.take(crashes(3, 1000, 20, { allocation: "a2" }));
  told.take([started(at(0))], at(1050));
  assert.deepEqual(told.wait(at(4000)), []);
});

Deno.test("what is news is told at once, though the beginning is of the past", () => {
  const told = new Told();
  told.take(crashes(2), at(3600));
  assert.deepEqual(told.take(crashes(1, 3590), at(3600)), ["3600 first 3"]);
});

Deno.test("where the clock is that of the events, nothing waits and nothing is of the future", () => {
  const told = new Told({}, { rows: new Map(), now: undefined });
  told.take(crashes(1, 10_000, 20, { job: "later" }));
  assert.deepEqual(told.take(crashes(3), at(10_001)), ["10001 first 3"]);
  assert.deepEqual(told.take(crashes(3, 200_000, 20, { job: "clock" }), at(10_002)), ["10002 first 3"]);
});

Deno.test("record() takes no event of tomorrow, and those of a clock that is ahead by less", () => {
  const day = 86_400;
  const told = new Told();
  told.take(crashes(3, day + 1), at(0));
  assert.deepEqual([...new Set(told.reasons)], ["outside-window"]);
  assert.equal(told.loops.names, 0);
  assert.deepEqual(told.take(crashes(3, day - 100), at(0)), ["0 first 3"]);
});

Deno.test("record() takes no failure for news that is older than what is remembered", () => {
  const told = new Told();
  const now = at(0) + silentAfter;
  told.take([restarting(at(0))], now);
  assert.deepEqual(told.reasons, ["outside-window"]);
  told.take([restarting(at(0) + 1n)], now);
  assert.deepEqual(told.reasons.at(-1), "below-threshold");
  told.take([restarting(at(0) + 1n - silentAfter)], now);
  assert.deepEqual(told.reasons.at(-1), "outside-window");
  told.take([restarting(-5n)], now);
  assert.deepEqual(told.reasons.at(-1), "outside-window");
});

Deno.test("record() takes all that happened to a known row while the detector was away", () => {
  const before = new Told();
  before.take(crashes(2));
  const after = new Told({}, { rows: before.rows, now: at(20_000) });
  after.take(crashes(1, 3600), at(20_001));
  assert.equal(after.rows.get(name)?.failures, 3);
});

Deno.test("a loop of which nothing is heard is over in the end, and forgotten", () => {
  const told = new Told();
  told.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  assert.deepEqual(
    told.wait(at(100_000)),
    ["3641 repeat 3", "7241 repeat 3", "10841 over: nothing was heard of it for 3 h"],
  );
  assert.equal(told.alerts.at(-1)!.reason, "resolved");
  assert.equal(told.loops.names, 0);
  assert.equal(told.rows.size, 0);
});

Deno.test("a loop stays one through pauses that grow beyond the silence", () => {
  const told = new Told({ notificationInterval: 1000n * hours });
  told.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  let time = 41;
  for (let pause = 3600; pause <= 16 * 3600; pause *= 2) {
    time += pause;
    const of = { allocation: `b${pause}` };
    told.take([started(at(time - 1), of), ...giveUp(at(time), of)]);
  }
  assert.deepEqual(told.said, ["41 first 3"]);
  assert.equal(told.rows.get(name)?.failures, 8);
  assert.deepEqual(told.wait(at(10_000_000)), [`${time + 48 * 3600} over: nothing was heard of it for 48 h`]);
});

Deno.test("a task that runs is not silent", () => {
  const told = new Told({ stableAfter: 24n * hours });
  told.take([...crashes(3), started(at(60))]);
  assert.equal(told.wait(at(60 + 86_399)).filter((said) => said.includes("over")).length, 0);
  assert.deepEqual(told.wait(at(60 + 86_400)), ["86460 over: it ran for 24 h"]);
});

Deno.test("tasks that do not fail leave nothing behind, and those that failed are forgotten", () => {
  const told = new Told();
  for (let index = 0; index < 1000; index++) {
    const of = { index };
    told.take([said({ ...of, time: at(0) }), started(at(1), of), ...stop(at(500), drained, of)], at(500));
  }
  assert.equal(told.loops.names, 0);
  for (let index = 0; index < 1000; index++) told.take(crashes(2, 1000, 20, { index }), at(1030));
  assert.equal(told.loops.names, 1000);
  assert.deepEqual(told.wait(at(1021) + 2_000_000n + silentAfter - 1n), []);
  assert.equal(told.loops.names, 1000);
  assert.deepEqual(told.wait(at(1021) + 2_000_000n + silentAfter), []);
  assert.deepEqual([told.loops.names, told.rows.size, told.loops.nextDue], [0, 0, undefined]);
});

Deno.test("a task that crashes once after a long run leaves nothing for long", () => {
  const told = new Told();
  const of = { fields: { TaskStartedAt: "2026-11-23T03:42:54Z" } };
  told.take(crash(at(0), of));
  told.take([started(at(20))]);
  told.wait(at(20) + silentAfter);
  assert.equal(told.loops.names, 0);
});

/** Tasks that are counted by themselves, though their updates come mixed. */
const apart: readonly (readonly [what: string, first: Said, second: Said])[] = [
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
    const told = new Told();
    const mixed = [0, 1, 2].flatMap((index) => [
      ...crashes(1, index * 20, 20, first),
      ...index < 2 ? crashes(1, index * 20 + 5, 20, second) : [],
    ]);
    told.take(mixed);
    assert.deepEqual(told.said, ["41 first 3"]);
    assert.equal(told.alerts[0]!.name, seen(said(first)).name);
    assert.equal(told.loops.names, 2);
    told.take(stop(at(50), jobStopped, second));
    assert.deepEqual(told.wait(at(60)), []);
    assert.deepEqual(told.take(crashes(3, 100, 20, { ...second, allocation: "a3" })), ["141 first 3"]);
  });
}

/** Tasks that are counted together. */
const together: readonly (readonly [what: string, first: Said, second: Said])[] = [
  ["a periodic job's children", { job: "backup/periodic-1" }, { job: "backup/periodic-2", allocation: "a2" }],
  ["allocations and nodes", { node: "n1" }, { node: "n2", allocation: "a2" }],
  ["nodes of a system job that nothing says is one", { node: "n1" }, { node: "n2", allocation: "a2" }],
];

for (const [what, first, second] of together) {
  Deno.test(`record() counts together: ${what}`, () => {
    const told = new Told();
    told.take([...crashes(2, 0, 20, first), ...crashes(1, 60, 20, second)]);
    assert.deepEqual(told.said, ["61 first 3"]);
    assert.equal(told.loops.names, 1);
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
    const whole = new Told();
    whole.take(updates);
    const before = new Told();
    before.take(updates.slice(0, cut));
    const after = new Told({}, { rows: before.rows, now: at(200) });
    after.take(updates.slice(cut));
    assert.deepEqual([...before.said, ...after.said], whole.said, `cut at ${cut}`);
    assert.deepEqual(after.rows, whole.rows, `cut at ${cut}`);
  }
});

Deno.test("restore() says nothing before what happened meanwhile could be heard", () => {
  const before = new Told();
  before.take([...crashes(3), started(at(60))]);
  // The detector was away for five hours: the run may have been stable, or not.
  const now = at(18_000);
  const quiet = now + 30n * seconds;
  const unheard = new Told({}, { rows: before.rows, now });
  assert.deepEqual(unheard.wait(quiet - 1n), []);
  assert.deepEqual(unheard.wait(quiet), ["18030 over: it ran for 10 min"]);
  const failed = new Told({}, { rows: before.rows, now });
  failed.take([...crash(at(61)), ...crashes(1, 80)], now + seconds);
  assert.deepEqual(failed.wait(quiet - 1n), []);
  assert.deepEqual(failed.wait(quiet), ["18030 over: nothing was heard of it for 4 h 59 min 9 s"]);
});

Deno.test("restore() lets what happened meanwhile be heard before a loop is told again", () => {
  const before = new Told();
  before.take(crashes(3));
  const now = at(9000);
  const stopped = new Told({}, { rows: before.rows, now });
  assert.deepEqual(stopped.take([...crashes(10, 60), ...stop(at(500))], now + seconds), [
    "9001 over: it was stopped",
  ]);
  const looping = new Told({}, { rows: before.rows, now });
  assert.deepEqual(looping.take(crashes(10, 60), now + seconds), []);
  assert.deepEqual(looping.wait(now + 31n * seconds), ["9030 repeat 13"]);
});

Deno.test("an alert has the failures that are remembered, and says where there can be more", () => {
  const told = new Told({ restartCount: 99 });
  told.take(crashes(99));
  assert.deepEqual([told.alerts[0]!.eventLog.length, told.alerts[0]!.limit], [99, undefined]);
  const more = new Told({ restartCount: 250 });
  more.take(crashes(250, 0, 5));
  const [alert] = more.alerts;
  assert.deepEqual([alert!.eventLog.length, alert!.limit, alert!.story!.Failures], [100, 100, 250]);
  assert.equal(alert!.eventLog.at(-1), at(249 * 5 + 1) + 2_000_000n);
});

Deno.test("failures that no event told of make a loop", () => {
  const told = new Told({ restartCount: 5 });
  told.take([restarting(at(0)), restarting(at(1), { fields: { RestartsNotSeen: 399 } })]);
  assert.deepEqual(told.said, ["1 first 401"]);
  const { Failures, NotSeen } = told.alerts[0]!.story!;
  assert.deepEqual([Failures, NotSeen], [401, 399]);
});

Deno.test("ids are the same whoever computes them, and another one for each telling", () => {
  const life = [
    ...crashes(3),
    ...crashes(2, 3700),
    ...stop(at(4000)),
    ...crashes(3, 9000, 20, { allocation: "a2" }),
  ];
  const [one, other] = [new Told(), new Told()];
  one.take(life);
  other.take(life);
  assert.deepEqual(one.said, ["41 first 3", "3641 repeat 3", "4000 over: it was stopped", "9041 first 3"]);
  assert.deepEqual(one.alerts, other.alerts);
  assert.equal(new Set(one.alerts.map(({ id }) => id)).size, 4);
});

Deno.test("due() looks at so many rows at a time, and says that there are more", () => {
  const told = new Told();
  for (let index = 0; index < 30; index++) told.take(crashes(3, 0, 20, { index }), at(45));
  const now = at(45) + 1n * hours;
  const decisions: string[] = [];
  for (let calls = 0; told.loops.nextDue! <= now; calls++) {
    assert.ok(calls < 10);
    const some = told.loops.due(now, 7);
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

const endings: Readonly<Record<string, (time: bigint, of: Said) => string[]>> = {
  crash,
  "give up": giveUp,
  driver: (time, of) => [said({ ...of, type: "Driver Failure", time }), restarting(time + 1n, of)],
  template: (time, of) => [killing(time, { ...of, fails: true }), killing(time + seconds, of)],
  wanted: (time, of) => [terminated(time, 130, 2, of), restarting(time + 1n, { ...of, reason: "" })],
  deploy: (time, { allocation, fields }) =>
    stop(time, deployed, { allocation: allocation!, fields: fields! }),
};

Deno.test("three hundred lives of chance: each failure counts once, in whatever order they come again", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const { updates, failures, until } = chance(random);
    const told = new Told({ restartCount: 1_000 });
    told.take(updates);
    assert.equal(told.rows.get(name)?.failures ?? 0, failures, `seed ${seed}`);
    const before = told.rows.get(name);
    const isInOrder = random.chance(0.5);
    const part = random.chance(0.5) ? updates : updates.slice(random.below(updates.length));
    told.take(isInOrder ? part : random.shuffle(part), at(until));
    const after = told.rows.get(name);
    assert.equal(after?.failures ?? 0, failures, `seed ${seed}, again`);
    if (before === undefined || after === undefined) continue;
    assert.deepEqual(after.log, before.log, `seed ${seed}, again`);
    if (failures > 0) assert.equal(after.clearedAt, before.clearedAt, `seed ${seed}, again`);
    if (isInOrder) assert.equal(runningSince(after), runningSince(before), `seed ${seed}, again`);
  }
});

/** A rule whose source sees what happens up to the beginning of the tests' time. */
function sighted(differs: Partial<LoopThresholds> = {}, losesEvents = false): Told {
  const sight = new Sight("blind");
  sight.losesEvents = losesEvents;
  sight.regain(at(-1));
  return new Told(differs, undefined, sight);
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
    const told = sighted();
    told.take([...crashes(3), started(at(60))]);
    told.see(at(70));
    told.sight.lose();
    assert.deepEqual(told.wait(at(3990)), []);
    const said = told.take(updates, at(4000));
    assert.deepEqual([...said, ...told.wait(at(4000)), ...told.see(at(4000))], then);
  });
}

Deno.test("a run is known to last only until something was heard last", () => {
  const told = sighted({ stableAfter: 30n * seconds });
  told.take([...crashes(3), started(at(60))]);
  told.see(at(89));
  assert.deepEqual(told.wait(at(154)), []);
  told.sight.lose();
  assert.deepEqual(told.wait(at(1000)), []);
  assert.deepEqual(told.take([...crash(at(85)), ...crashes(1, 900)], at(1000)), []);
  assert.deepEqual(told.see(at(1000)), []);
  told.take([started(at(1001))]);
  assert.deepEqual(told.see(at(1030)), []);
  assert.deepEqual(told.see(at(1031)), ["1031 over: it ran for 30 s"]);
});

Deno.test("a loop is told though the source is blind, once events made it one; and again only when it sees", () => {
  const told = sighted();
  told.sight.lose();
  assert.deepEqual(told.take(crashes(5), at(600)), []);
  assert.deepEqual(told.wait(at(602)), ["602 first 5"]);
  assert.deepEqual(told.wait(at(10_000)), []);
  assert.deepEqual(told.see(at(10_000)), ["10000 repeat 5"]);
  assert.deepEqual(told.see(at(11_401)), []);
  assert.deepEqual(told.see(at(11_402)), ["11402 repeat 5"]);
});

Deno.test("of the silence of a task counts only what could be heard", () => {
  const told = sighted({ notificationInterval: 1000n * hours });
  told.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  told.see(at(3641));
  told.sight.lose();
  assert.deepEqual(told.see(at(3641 + 36_000)), []);
  const end = 41 + 10_800 + 36_000;
  assert.deepEqual(told.see(at(end)), []);
  assert.deepEqual(told.see(at(end + 1)), [`${end + 1} over: nothing was heard of it for 3 h 1 s`]);
});

Deno.test("a run is not known to have lasted through a time in which events can be lost", () => {
  const told = sighted({}, true);
  told.take([...crashes(3), started(at(60))]);
  told.see(at(160));
  told.sight.lose();
  assert.deepEqual(told.see(at(1160)), []);
  assert.deepEqual(told.see(at(1659)), []);
  assert.deepEqual(told.see(at(1660)), ["1660 over: it ran for 10 min"]);
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
    const told = sighted({}, losesEvents);
    told.take([...crashes(3), started(at(60))]);
    told.see(at(70));
    told.sight.lose();
    const said = told.take(crash(at(1160), { fields }), at(1165));
    assert.deepEqual(said, failures ? [] : ["1165 over: it ran for 10 min"]);
    assert.equal(told.rows.get(name)?.failures || undefined, failures);
  });
}

Deno.test("after a start nothing ends by time before the source sees, and the time before is no silence", () => {
  const before = new Told();
  before.take(crashes(3));
  const now = at(50_000);
  const after = new Told({}, { rows: before.rows, now }, new Sight("blind"));
  assert.deepEqual(after.wait(now + 3600n * seconds), []);
  assert.deepEqual(after.see(now + 3600n * seconds), ["53600 repeat 3"]);
  assert.deepEqual(after.see(now + 3601n * seconds), []);
});

Deno.test("the end of a row that was forgotten meanwhile is nobody's", () => {
  const told = sighted();
  told.take([...crashes(1), started(at(60))]);
  told.sight.lose();
  told.wait(at(700));
  told.take(stop(at(701)));
  told.wait(at(701) + 2n * silentAfter);
  assert.equal(told.loops.names, 0);
  assert.deepEqual(told.see(at(702) + 2n * silentAfter), []);
  assert.equal(told.loops.nextDue, undefined);
});

Deno.test("three hundred lives with a source that goes blind: what is said to have lasted did", () => {
  let [ends, gaps] = [0, 0];
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const { updates, failures, until } = chance(random);
    const events = updates.map((update) => ({ update, event: seen(update) }));
    const told = sighted({ restartCount: 1, notificationInterval: 1n * hours });
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
      check(told.take(held, now), now);
      held = [];
      check(told.see(now), now);
    };
    for (const { update, event } of events) {
      check(told.wait(event.time), event.time);
      if (!told.sight.isBlind && random.chance(0.2)) {
        told.sight.lose();
        gaps++;
      } else if (told.sight.isBlind && random.chance(0.4)) show(event.time);
      held.push(update);
      if (!told.sight.isBlind) show(event.time);
    }
    assert.ok(!told.sight.isBlind || held.length > 0 || told.wait(at(until + 5)).length === 0);
    show(at(until + 5));
    assert.equal(told.rows.get(name)?.failures ?? 0, failures, `seed ${seed}`);
  }
  assert.ok(ends > 50 && gaps > 200, `${ends} ends, ${gaps} gaps`);
});

/** A loop of three runs, and a run that ends it after ten minutes: 12 minutes in all. */
const cycle = (from: number) => [...crashes(3, from), started(at(from + 60))];

Deno.test("a new loop after an end that was sent is told at once, the third as flapping", () => {
  const told = new Told();
  told.take([...cycle(0), ...crash(at(720)), ...cycle(740), ...crash(at(1460)), ...cycle(1480)]);
  assert.deepEqual(told.said, [
    "41 first 3",
    "660 over: it ran for 10 min",
    "781 first 3",
    "1400 over: it ran for 10 min",
    "1521 first 3",
  ]);
  const since = told.alerts.filter(({ reason }) => reason === "first").map(({ story }) =>
    story!.FlappingSince
  );
  assert.deepEqual(since, [undefined, undefined, formatTime(at(41) + 2_000_000n)]);
  assert.match(
    told.alerts.at(-1)!.story!.Reason,
    /^flaps since \d\d:\d\d UTC: exited with 1 after 1 s, 3 times since /,
  );
});

/** Until it is told as flapping: at 1521, since 41; it runs from 1540 on. */
const flapping = [...cycle(0), ...crash(at(720)), ...cycle(740), ...crash(at(1460)), ...cycle(1480)];

Deno.test("a loop that flaps is over when a run lasted as long as it flapped, and quiet until then", () => {
  const told = new Told({ notificationInterval: 30n * minutes });
  told.take(flapping);
  told.said.length = 0;
  told.take([...crash(at(2300)), ...cycle(2320), ...crash(at(3300)), started(at(3330))]);
  // It flapped for 3259 s.
  assert.deepEqual(told.wait(at(3330 + 3258)).filter((said) => said.includes("over")), []);
  const over = told.wait(at(3330 + 3260));
  assert.deepEqual(over, ["6589 over: it ran for 54 min 19 s"]);
  assert.equal(told.alerts.at(-1)!.story!.FlappingSince, formatTime(at(41) + 2_000_000n));
});

Deno.test("a loop that flaps is not told again while it runs well, and is when it fails again", () => {
  const told = new Told({ notificationInterval: 30n * minutes });
  told.take(flapping);
  told.said.length = 0;
  assert.deepEqual(told.wait(at(2900)), []);
  told.take(crash(at(2950)));
  assert.deepEqual(told.said, []);
  assert.deepEqual(told.wait(at(3322)), ["3321 repeat 4"]);
  assert.ok(told.alerts.at(-1)!.story!.FlappingSince);
});

Deno.test("a loop that flaps is over at once when the job is stopped", () => {
  const told = new Told();
  told.take([...flapping, ...stop(at(1600))]);
  assert.equal(told.said.at(-1), "1600 over: it was stopped");
});

Deno.test("a batch task that flaps is over when no run failed for as long as it flapped", () => {
  const done = (time: number) => [
    started(at(time)),
    terminated(at(time + 1), 0, 0, { fields: { ClientStatus: "complete", TaskState: "dead" } }),
  ];
  const told = new Told();
  told.take([...crashes(3), ...done(60), ...crashes(3, 900), ...done(960), ...crashes(3, 1800)]);
  assert.equal(told.said.length, 5);
  assert.ok(told.alerts.at(-1)!.story!.FlappingSince);
  told.said.length = 0;
  told.take([...done(1860), ...crashes(1, 2700), ...done(2760), ...done(3660), started(at(5390))]);
  // It flapped from 41 to 2701, and is quiet since 2761.
  assert.deepEqual(told.wait(at(5420)), []);
  assert.deepEqual(told.said, []);
  assert.deepEqual(told.wait(at(5422)), ["5421 over: no run failed for 44 min 20 s"]);
});

Deno.test("three loops in more than the interval do not flap, nor do such whose ends are not sent", () => {
  const far = new Told({ notificationInterval: 24n * minutes });
  far.take(flapping);
  assert.ok(far.alerts.every(({ story }) => story!.FlappingSince === undefined));
  assert.equal(far.alerts.length, 5);
  const unsent = new Told({ notifyResolved: false, notificationInterval: 24n * minutes });
  unsent.take(flapping);
  assert.deepEqual(unsent.alerts.map(({ story }) => story!.FlappingSince), [undefined, undefined]);
});

Deno.test("a loop that flaps does so after a start too, whenever that was", () => {
  const whole = new Told();
  whole.take(flapping);
  whole.wait(at(4000));
  for (let index = 1; index < flapping.length; index++) {
    const before = new Told();
    before.take(flapping.slice(0, index));
    const now = seen(flapping[index]!).time;
    before.wait(now - 31n * seconds);
    const after = new Told({}, { rows: before.rows, now: now - 30n * seconds });
    after.take(flapping.slice(index));
    after.wait(at(4000));
    assert.deepEqual(
      [...before.alerts, ...after.alerts].map(({ id }) => id),
      whole.alerts.map(({ id }) => id),
    );
  }
});

Deno.test("restore() reads rows of before there was flapping: their new loops wait for the interval", () => {
  const before = new Told();
  before.take([...crashes(3), ...stop(at(50))]);
  const row = before.rows.get(name)!;
  row.told = { id: row.told!.id, repeats: 0, at: row.told!.at, over: true };
  const after = new Told({}, { rows: before.rows, now: at(60) });
  assert.deepEqual(after.take(crashes(3, 100, 20, { allocation: "a2" })), []);
  assert.deepEqual(after.wait(at(3642)), ["3641 first 3"]);
  assert.deepEqual(after.take(stop(at(3700), jobStopped, { allocation: "a2" })), [
    "3700 over: it was stopped",
  ]);
  assert.deepEqual(after.take(crashes(3, 3800, 20, { allocation: "a3" })), ["3841 first 3"]);
});
