// When the rule `failures` notifies, repeats, and says that a loop is resolved.
import assert from "node:assert/strict";
import { hours, name, TrackedRule } from "../../helpers/failures_rule.ts";
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
  started,
  stop,
  terminated,
} from "../../helpers/runs.ts";

Deno.test("record() notifies once when a failed run reaches the threshold", () => {
  const rule = new TrackedRule();
  assert.deepEqual(rule.take(crashes(3)), ["41 first 3"]);
  assert.deepEqual(rule.take(crashes(20, 60)), []);
  const [alert] = rule.alerts;
  assert.equal(alert!.reason, "first");
  assert.equal(alert!.name, name);
  assert.equal(alert!.loop, alert!.id);
  assert.match(alert!.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(alert!.eventLog, [1, 21, 41].map((second) => at(second) + 2_000_000n));
});

Deno.test("record() decides with a reason", () => {
  const rule = new TrackedRule();
  rule.take([
    started(at(0)),
    restarting(at(1), { reason: "" }),
    ...crashes(3).slice(1),
    ...crashes(1, 60),
    restarting(at(61.002)),
    restarting(at(62), { reason: "" }),
  ]);
  assert.deepEqual(rule.reasons, [
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

Deno.test("due() repeats at each interval, however long Nomad waits, until the loop is resolved", () => {
  const rule = new TrackedRule();
  rule.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  // Every hour one more failure, in another allocation.
  for (let hour = 1; hour <= 6; hour++) {
    const of = { allocation: `b${hour}` };
    rule.take([started(at(hour * 3600 + 60), of), ...giveUp(at(hour * 3600 + 61), of)]);
  }
  assert.deepEqual(rule.said, [
    "41 first 3",
    "3641 repeat 3",
    "7241 repeat 4",
    "10841 repeat 5",
    "14441 repeat 6",
    "18041 repeat 7",
    "21641 repeat 8",
  ]);
  assert.equal(new Set(rule.alerts.map(({ id }) => id)).size, 7);
  assert.equal(new Set(rule.alerts.map(({ loop }) => loop)).size, 1);
});

Deno.test("due() keeps the phase of the first notification when it is called late", () => {
  const rule = new TrackedRule({ stableAfter: 24n * hours });
  rule.take([...crashes(3), started(at(60))]);
  const next = () => rule.rule.nextDue! - at(41) - 2_000_000n;
  assert.equal(next(), 1n * hours);
  assert.equal(rule.rule.due(at(41 + 3600 * 2.5), 500)[0]?.reason, "repeat");
  assert.equal(next(), 3n * hours);
});

Deno.test("due() resolves a loop at the moment when a run is stable", () => {
  const rule = new TrackedRule();
  rule.take([...crashes(3), started(at(60))]);
  assert.deepEqual(rule.wait(at(660) - 1n), []);
  assert.deepEqual(rule.wait(at(660)), ["660 resolved: it ran for 10 min"]);
  const resolved = rule.alerts.at(-1)!;
  assert.deepEqual([resolved.reason, resolved.loop], ["resolved", rule.alerts[0]!.id]);
  assert.notEqual(resolved.id, rule.alerts[0]!.id);
  assert.deepEqual(rule.wait(at(100_000)), []);
});

Deno.test("record() keeps a loop active whose run ends a nanosecond before it is stable", () => {
  const rule = new TrackedRule();
  rule.take([...crashes(3), started(at(60)), terminated(at(660) - 1n), restarting(at(660))]);
  assert.deepEqual(rule.said, ["41 first 3"]);
  rule.take([started(at(700)), terminated(at(1300)), restarting(at(1300.1))]);
  assert.deepEqual(rule.said, ["41 first 3", "1300 resolved: it ran for 10 min"]);
});

Deno.test("record() does not count a crash after a stable run, whether due() or record() noticed it first", () => {
  for (const noticed of [true, false]) {
    const rule = new TrackedRule({ restartCount: 2 });
    rule.take([...crashes(1), started(at(20))]);
    if (noticed) rule.wait(at(700));
    rule.take([...crash(at(700)), ...crashes(1, 720)]);
    assert.deepEqual(rule.said, [], `${noticed}`);
    assert.deepEqual(rule.take(crashes(1, 740)), ["741 first 2"]);
  }
});

for (
  const [what, updates, cause] of [
    ["somebody stops the job", stop(at(50)), "50 resolved: it was stopped"],
    [
      "somebody stops it while Nomad waits",
      [killing(at(50), { fields: jobStopped })],
      "50 resolved: it was stopped",
    ],
    [
      "a batch task is done",
      [
        started(at(50)),
        terminated(at(51), 0, 0, { fields: { ClientStatus: "complete", TaskState: "dead" } }),
      ],
      "51 resolved: it completed",
    ],
  ] as const
) {
  Deno.test(`record() resolves a loop when ${what}`, () => {
    const rule = new TrackedRule();
    rule.take([...crashes(3), ...updates]);
    assert.deepEqual(rule.said, ["41 first 3", cause]);
    assert.deepEqual(rule.wait(at(100_000)), []);
  });
}

for (
  const [what, updates] of [
    ["a deploy", [...stop(at(50), deployed), started(at(51), { allocation: "a2" })]],
    ["a drain", [...stop(at(50), drained), started(at(51), { allocation: "a2", node: "n2" })]],
    ["a restart that a person asked for", [restarting(at(50), { reason: "" }), started(at(51))]],
  ] as const
) {
  Deno.test(`${what} is neither a failure nor resolves a loop`, () => {
    const rule = new TrackedRule();
    rule.take([...crashes(3), ...updates]);
    assert.equal(rule.streaks.get(name)?.failures, 3);
    assert.deepEqual(rule.said, ["41 first 3"]);
    assert.deepEqual(rule.wait(at(660)), ["651 resolved: it ran for 10 min"]);
  });
}

Deno.test("record() does not count requested restarts", () => {
  const rule = new TrackedRule();
  for (let index = 0; index < 50; index++) {
    const time = index * 20;
    rule.take([
      started(at(time)),
      terminated(at(time + 5), 130, 2),
      restarting(at(time + 6), { reason: "" }),
    ]);
  }
  assert.deepEqual(rule.said, []);
  assert.equal(rule.rule.names, 0);
});

Deno.test("a resolution has no alert if NOTIFY_RESOLVED is off, but a decision for the log", () => {
  const rule = new TrackedRule({ notifyResolved: false });
  rule.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(rule.said, ["41 first 3", "50 resolved: it was stopped"]);
  assert.deepEqual(rule.alerts.map(({ reason }) => reason), ["first"]);
});

Deno.test("a new loop after an unsent resolution notifies when the interval has passed, if it is still one", () => {
  const rule = new TrackedRule({ notifyResolved: false });
  rule.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(rule.take(crashes(5, 100, 20, { allocation: "a2" })), []);
  assert.equal(rule.reasons.at(-1), "already-notified");
  assert.deepEqual(rule.wait(at(3642)), ["3641 first 5"]);
  assert.notEqual(rule.alerts.at(-1)!.loop, rule.alerts[0]!.loop);
  const short = new TrackedRule({ notifyResolved: false });
  short.take([...crashes(3), ...stop(at(50)), ...crashes(5, 100, 20, { allocation: "a2" })]);
  short.take(stop(at(300), jobStopped, { allocation: "a2" }));
  assert.deepEqual(short.wait(at(20_000)), []);
});

Deno.test("a new loop notifies at once when the interval has passed already", () => {
  const rule = new TrackedRule();
  rule.take([...crashes(3), ...stop(at(50))]);
  assert.deepEqual(rule.take(crashes(3, 4000, 20, { allocation: "a2" })), ["4041 first 3"]);
});

Deno.test("the last notification is kept for the interval, even if that is longer than the idle timeout", () => {
  const rule = new TrackedRule({ notificationInterval: 24n * hours, notifyResolved: false });
  rule.take([...crashes(3), ...stop(at(50))]);
  rule.wait(at(43_200));
  assert.deepEqual(rule.take(crashes(3, 43_200, 20, { allocation: "a2" })), []);
  assert.deepEqual(rule.wait(at(86_442)), []);
  assert.deepEqual(rule.take(crashes(3, 90_000, 20, { allocation: "a3" })), ["90041 first 3"]);
});

Deno.test("record() does not notify about a resolved loop when its whole history is redelivered", () => {
  const updates = [...crashes(5), ...stop(at(150))];
  const rule = new TrackedRule();
  rule.take(updates);
  assert.deepEqual(rule.said, ["41 first 3", "150 resolved: it was stopped"]);
  for (const later of [151, 3700, 3600 * 2.9, 3600 * 3.5, 3600 * 50]) {
    rule.wait(at(later));
    assert.deepEqual(rule.take(updates, at(later)), [], `${later} s later`);
    assert.deepEqual(rule.wait(at(later + 100)), []);
  }
});

Deno.test("record() changes nothing when the whole history of an active loop is redelivered", () => {
  const updates = [...crashes(3), ...giveUp(at(62)), ...crashes(30, 100, 20, { allocation: "a2" })];
  const rule = new TrackedRule();
  rule.take(updates);
  const before = rule.streaks.get(name);
  assert.equal(before?.failures, 34);
  rule.take(updates, at(701));
  assert.deepEqual(rule.streaks.get(name), before);
  assert.deepEqual(rule.said, ["41 first 3"]);
});
