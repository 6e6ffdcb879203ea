// The rule `failures` while the source is blind: time alone decides nothing that was not seen.
import assert from "node:assert/strict";
import { type FailuresThresholds, idleTimeout } from "../../../src/detection/failures/deadlines.ts";
import { Visibility } from "../../../src/detection/visibility.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { hours, name, randomLife, seconds, TrackedRule, usual } from "../../helpers/failures_rule.ts";
import { Random } from "../../helpers/random.ts";
import { at, crash, crashes, decoded, giveUp, started, stop } from "../../helpers/runs.ts";

/** A rule whose source sees what happens up to the beginning of the tests' time. */
function sighted(differs: Partial<FailuresThresholds> = {}, losesEvents = false): TrackedRule {
  const visibility = new Visibility("blind");
  visibility.losesEvents = losesEvents;
  visibility.regain(at(-1));
  return new TrackedRule(differs, undefined, visibility);
}

for (
  const [what, updates, then] of [
    ["ran on", [], ["4000 resolved: it ran for 10 min"]],
    ["crashed", crash(at(100)), ["4000 repeat 4"]],
    ["crashed again and again", [...crash(at(100)), ...crashes(5, 200)], ["4000 repeat 9"]],
    ["was stopped", stop(at(300)), ["4000 resolved: it was stopped"]],
    ["crashed, and ran then", [...crash(at(100)), started(at(120))], ["4000 resolved: it ran for 10 min"]],
    ["crashed, and runs for less", [...crash(at(100)), started(at(3500))], ["4000 repeat 4"]],
  ] as const
) {
  Deno.test(`while the source is blind, due() decides nothing; then it decides what is true: the task ${what}`, () => {
    const rule = sighted();
    rule.take([...crashes(3), started(at(60))]);
    rule.see(at(70));
    rule.visibility.lose();
    assert.deepEqual(rule.wait(at(3990)), []);
    const said = rule.take(updates, at(4000));
    assert.deepEqual([...said, ...rule.wait(at(4000)), ...rule.see(at(4000))], then);
  });
}

Deno.test("a run is known to last only up to what the source showed", () => {
  const rule = sighted({ stableAfter: 30n * seconds });
  rule.take([...crashes(3), started(at(60))]);
  rule.see(at(89));
  assert.deepEqual(rule.wait(at(154)), []);
  rule.visibility.lose();
  assert.deepEqual(rule.wait(at(1000)), []);
  assert.deepEqual(rule.take([...crash(at(85)), ...crashes(1, 900)], at(1000)), []);
  assert.deepEqual(rule.see(at(1000)), []);
  rule.take([started(at(1001))]);
  assert.deepEqual(rule.see(at(1030)), []);
  assert.deepEqual(rule.see(at(1031)), ["1031 resolved: it ran for 30 s"]);
});

Deno.test("record() notifies though the source is blind; due() repeats only when it sees", () => {
  const rule = sighted();
  rule.visibility.lose();
  assert.deepEqual(rule.take(crashes(5), at(600)), []);
  assert.deepEqual(rule.wait(at(602)), ["602 first 5"]);
  assert.deepEqual(rule.wait(at(10_000)), []);
  assert.deepEqual(rule.see(at(10_000)), ["10000 repeat 5"]);
  assert.deepEqual(rule.see(at(11_401)), []);
  assert.deepEqual(rule.see(at(11_402)), ["11402 repeat 5"]);
});

Deno.test("a task is idle only while the source sees", () => {
  const rule = sighted({ notificationInterval: 1000n * hours });
  rule.take([...crashes(2), started(at(40)), ...giveUp(at(41))]);
  rule.see(at(3641));
  rule.visibility.lose();
  assert.deepEqual(rule.see(at(3641 + 36_000)), []);
  const end = 41 + 10_800 + 36_000;
  assert.deepEqual(rule.see(at(end)), []);
  assert.deepEqual(rule.see(at(end + 1)), [`${end + 1} resolved: no event for 3 h 1 s`]);
});

Deno.test("a run does not count as stable through a time in which events can be lost", () => {
  const rule = sighted({}, true);
  rule.take([...crashes(3), started(at(60))]);
  rule.see(at(160));
  rule.visibility.lose();
  assert.deepEqual(rule.see(at(1160)), []);
  assert.deepEqual(rule.see(at(1659)), []);
  assert.deepEqual(rule.see(at(1660)), ["1660 resolved: it ran for 10 min"]);
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
    const rule = sighted({}, losesEvents);
    rule.take([...crashes(3), started(at(60))]);
    rule.see(at(70));
    rule.visibility.lose();
    const said = rule.take(crash(at(1160), { fields }), at(1165));
    assert.deepEqual(said, failures ? [] : ["1165 resolved: it ran for 10 min"]);
    assert.equal(rule.streaks.get(name)?.failures || undefined, failures);
  });
}

Deno.test("after a start time resolves nothing before the source sees, and the time before does not count as idle", () => {
  const before = new TrackedRule();
  before.take(crashes(3));
  const now = at(50_000);
  const after = new TrackedRule({}, { streaks: before.streaks, now }, new Visibility("blind"));
  assert.deepEqual(after.wait(now + 3600n * seconds), []);
  assert.deepEqual(after.see(now + 3600n * seconds), ["53600 repeat 3"]);
  assert.deepEqual(after.see(now + 3601n * seconds), []);
});

Deno.test("due() ignores a streak that was forgotten while it waited for the source", () => {
  const rule = sighted();
  rule.take([...crashes(1), started(at(60))]);
  rule.visibility.lose();
  rule.wait(at(700));
  rule.take(stop(at(701)));
  rule.wait(at(701) + 2n * idleTimeout);
  assert.equal(rule.rule.names, 0);
  assert.deepEqual(rule.see(at(702) + 2n * idleTimeout), []);
  assert.equal(rule.rule.nextDue, undefined);
});

Deno.test("300 random lives with a source that goes blind: runs that are reported stable were", () => {
  let [ends, gaps] = [0, 0];
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const { updates, failures, until } = randomLife(random);
    const events = updates.map((update) => ({ update, event: decoded(update) }));
    const rule = sighted({ restartCount: 1, notificationInterval: 1n * hours });
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
      check(rule.take(held, now), now);
      held = [];
      check(rule.see(now), now);
    };
    for (const { update, event } of events) {
      check(rule.wait(event.time), event.time);
      if (!rule.visibility.isBlind && random.chance(0.2)) {
        rule.visibility.lose();
        gaps++;
      } else if (rule.visibility.isBlind && random.chance(0.4)) show(event.time);
      held.push(update);
      if (!rule.visibility.isBlind) show(event.time);
    }
    assert.ok(!rule.visibility.isBlind || held.length > 0 || rule.wait(at(until + 5)).length === 0);
    show(at(until + 5));
    assert.equal(rule.streaks.get(name)?.failures ?? 0, failures, `seed ${seed}`);
  }
  assert.ok(ends > 50 && gaps > 200, `${ends} ends, ${gaps} gaps`);
});
