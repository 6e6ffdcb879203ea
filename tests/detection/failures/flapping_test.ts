// The rule `failures` and loops that flap.
import assert from "node:assert/strict";
import { formatTime } from "../../../src/lib/time.ts";
import { minutes, name, seconds, TrackedRule } from "../../helpers/failures_rule.ts";
import { at, crash, crashes, decoded, jobStopped, started, stop, terminated } from "../../helpers/runs.ts";

/** A loop of three runs, and a run that ends it after ten minutes: 12 minutes in all. */
const cycle = (from: number) => [...crashes(3, from), started(at(from + 60))];

Deno.test("a new loop after a sent resolution notifies at once, the third as flapping", () => {
  const rule = new TrackedRule();
  rule.take([...cycle(0), ...crash(at(720)), ...cycle(740), ...crash(at(1460)), ...cycle(1480)]);
  assert.deepEqual(rule.said, [
    "41 first 3",
    "660 resolved: it ran for 10 min",
    "781 first 3",
    "1400 resolved: it ran for 10 min",
    "1521 first 3",
  ]);
  const since = rule.alerts.filter(({ reason }) => reason === "first").map(({ details }) =>
    details!.FlappingSince
  );
  assert.deepEqual(since, [undefined, undefined, formatTime(at(41) + 2_000_000n)]);
  assert.match(
    rule.alerts.at(-1)!.details!.Reason,
    /^flaps since \S+ \S+: exited with 1 after 1 s, 3 times since /,
  );
});

/** Until it notifies as flapping: at 1521, since 41; it runs from 1540 on. */
const flapping = [...cycle(0), ...crash(at(720)), ...cycle(740), ...crash(at(1460)), ...cycle(1480)];

Deno.test("a flapping loop is resolved when a run lasted as long as it flapped, and is quiet until then", () => {
  const rule = new TrackedRule({ notificationInterval: 30n * minutes });
  rule.take(flapping);
  rule.said.length = 0;
  rule.take([...crash(at(2300)), ...cycle(2320), ...crash(at(3300)), started(at(3330))]);
  // It flapped for 3259 s.
  assert.deepEqual(rule.wait(at(3330 + 3258)).filter((said) => said.includes("resolved")), []);

  const resolved = rule.wait(at(3330 + 3260));

  assert.deepEqual(resolved, ["6589 resolved: it ran for 54 min 19 s"]);
  assert.equal(rule.alerts.at(-1)!.details!.FlappingSince, formatTime(at(41) + 2_000_000n));
});

Deno.test("a flapping loop does not repeat while it runs well, and does when it fails again", () => {
  const rule = new TrackedRule({ notificationInterval: 30n * minutes });
  rule.take(flapping);
  rule.said.length = 0;
  assert.deepEqual(rule.wait(at(2900)), []);
  rule.take(crash(at(2950)));
  assert.deepEqual(rule.said, []);
  assert.deepEqual(rule.wait(at(3322)), ["3321 repeat 4"]);
  assert.ok(rule.alerts.at(-1)!.details!.FlappingSince);
});

Deno.test("a flapping loop is resolved at once when the job is stopped", () => {
  const rule = new TrackedRule();
  rule.take([...flapping, ...stop(at(1600))]);
  assert.equal(rule.said.at(-1), "1600 resolved: it was stopped");
});

Deno.test("a flapping batch task is resolved when no run failed for as long as it flapped", () => {
  const done = (time: number) => [
    started(at(time)),
    terminated(at(time + 1), 0, 0, { fields: { ClientStatus: "complete", TaskState: "dead" } }),
  ];
  const rule = new TrackedRule();
  rule.take([...crashes(3), ...done(60), ...crashes(3, 900), ...done(960), ...crashes(3, 1800)]);
  assert.equal(rule.said.length, 5);
  assert.ok(rule.alerts.at(-1)!.details!.FlappingSince);
  rule.said.length = 0;
  rule.take([...done(1860), ...crashes(1, 2700), ...done(2760), ...done(3660), started(at(5390))]);
  // It flapped from 41 to 2701, and is quiet since 2761.
  assert.deepEqual(rule.wait(at(5420)), []);
  assert.deepEqual(rule.said, []);
  assert.deepEqual(rule.wait(at(5422)), ["5421 resolved: no run failed for 44 min 20 s"]);
});

Deno.test("three loops in more than the interval do not flap, nor do loops whose resolutions are not sent", () => {
  const far = new TrackedRule({ notificationInterval: 24n * minutes });
  far.take(flapping);
  assert.ok(far.alerts.every(({ details }) => details!.FlappingSince === undefined));
  assert.equal(far.alerts.length, 5);
  const unsent = new TrackedRule({ notifyResolved: false, notificationInterval: 24n * minutes });
  unsent.take(flapping);
  assert.deepEqual(unsent.alerts.map(({ details }) => details!.FlappingSince), [undefined, undefined]);
});

Deno.test("a flapping loop still flaps after a restart of the detector, whenever that was", () => {
  const whole = new TrackedRule();
  whole.take(flapping);
  whole.wait(at(4000));
  for (let index = 1; index < flapping.length; index++) {
    const before = new TrackedRule();
    before.take(flapping.slice(0, index));
    const now = decoded(flapping[index]!).time;
    before.wait(now - 31n * seconds);
    const after = new TrackedRule({}, { streaks: before.streaks, now: now - 30n * seconds });
    after.take(flapping.slice(index));
    after.wait(at(4000));
    assert.deepEqual(
      [...before.alerts, ...after.alerts].map(({ id }) => id),
      whole.alerts.map(({ id }) => id),
    );
  }
});

Deno.test("restore() reads streaks without fields of flapping: their new loops wait for the interval", () => {
  const before = new TrackedRule();
  before.take([...crashes(3), ...stop(at(50))]);
  const streak = before.streaks.get(name)!;
  streak.notified = { id: streak.notified!.id, repeats: 0, at: streak.notified!.at, resolved: true };
  const after = new TrackedRule({}, { streaks: before.streaks, now: at(60) });
  assert.deepEqual(after.take(crashes(3, 100, 20, { allocation: "a2" })), []);
  assert.deepEqual(after.wait(at(3642)), ["3641 first 3"]);
  assert.deepEqual(after.take(stop(at(3700), jobStopped, { allocation: "a2" })), [
    "3700 resolved: it was stopped",
  ]);
  assert.deepEqual(after.take(crashes(3, 3800, 20, { allocation: "a3" })), ["3841 first 3"]);
});
