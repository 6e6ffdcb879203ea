// The rule `failures` with what jobs ask for in their meta, and with INCLUDE and EXCLUDE.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { parseGlobs } from "../../../src/detection/alert/path_filter.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { name, TrackedRule } from "../../helpers/failures_rule.ts";
import { settingsEvent } from "../../helpers/job_settings.ts";
import { anySeed, Random } from "../../helpers/random.ts";
import { at, crash, crashes, started, stop } from "../../helpers/runs.ts";

type Meta = Readonly<Record<string, string>>;

/** A rule whose job asks for this before anything fails. */
function ruleOf(meta: Meta | undefined): TrackedRule {
  const tracked = new TrackedRule();
  tracked.setJob(settingsEvent(at(-1), meta));
  return tracked;
}

/** What the page shows of the loop: how often it was notified, and why it is muted. */
function shown({ rule }: TrackedRule, now: bigint): readonly [number, string | undefined] | undefined {
  const loop = rule.loop(name, now);
  return loop && [loop.notified, loop.alert.details!.Muted];
}

const muteUntil = (time: bigint) => ({ mute_until: formatTime(time) });

Deno.test("record() takes the threshold, the time of a stable run and the interval from the job, and its own without", () => {
  const tracked = ruleOf({ restart_count: "2", stable_after: "30s", notification_interval: "5m" });
  assert.deepEqual(tracked.take(crashes(2)), ["21 first 2"]);
  assert.deepEqual(tracked.wait(at(400)), ["321 repeat 2"]);
  tracked.take([started(at(410))]);
  assert.deepEqual(tracked.wait(at(500)), ["440 resolved: it ran for 30 s"]);
  // Without a word of the job.
  tracked.setJob(settingsEvent(at(500), undefined, { version: 1 }));
  assert.deepEqual(tracked.take(crashes(3, 600)), ["641 first 3"]);
});

Deno.test("a new version of the job notifies at once what is a loop by its threshold", () => {
  const tracked = new TrackedRule();
  assert.deepEqual(tracked.take(crashes(2)), []);
  assert.deepEqual(tracked.setJob(settingsEvent(at(60), { restart_count: "2" })), ["60 first 2"]);
});

Deno.test("settings of a task do not concern another task of the job, nor another job or namespace", () => {
  const others = [{ task: "side" }, { group: "db" }, { job: "apis" }, { namespace: "prod" }];
  const tracked = new TrackedRule();
  for (const other of others) tracked.setJob(settingsEvent(at(-1), { enabled: "false" }, other));
  assert.deepEqual(tracked.take(crashes(3)), ["41 first 3"]);
});

Deno.test("a muted loop is active and counted, and no alert of it is sent", () => {
  const tracked = ruleOf({ enabled: "false" });
  assert.deepEqual(tracked.take(crashes(4)), ["41 muted 3"]);
  assert.equal(tracked.rule.looping, 1);
  assert.deepEqual(shown(tracked, at(70)), [0, "as crashloop_enabled says"]);
  assert.deepEqual(tracked.wait(at(7_000)), []);
  assert.deepEqual(tracked.take([...stop(at(7_001))]), ["7001 resolved: it was stopped"]);
  assert.deepEqual(tracked.alerts, []);
  assert.equal(tracked.rule.looping, 0);
});

Deno.test("a loop that begins after a muted one is notified at once", () => {
  const tracked = ruleOf({ enabled: "false" });
  tracked.take([...crashes(3), ...stop(at(100))]);
  tracked.setJob(settingsEvent(at(110), undefined));
  assert.deepEqual(tracked.take(crashes(3, 200)), ["241 first 3"]);
});

Deno.test("when crashloop_mute_until passes, the first alert of the active loop is sent, by time alone", () => {
  const tracked = ruleOf(muteUntil(at(3_000)));
  assert.deepEqual(tracked.take(crashes(3)), ["41 muted 3"]);
  assert.deepEqual(shown(tracked, at(50)), [
    0,
    `until ${formatTime(at(3_000))}, as crashloop_mute_until says`,
  ]);
  assert.equal(tracked.rule.nextDue, at(3_000));
  assert.deepEqual(tracked.wait(at(3_001)), ["3000 first 3"]);
  assert.deepEqual(shown(tracked, at(3_001)), [1, undefined]);
  assert.deepEqual(tracked.wait(at(7_000)), ["6600 repeat 3"]);
  const [first, repeat] = tracked.alerts as [Alert, Alert];
  assert.deepEqual([first.id, first.reason, repeat.reason], [first.loop, "first", "repeat"]);
});

Deno.test("when a new version of the job lifts the mute, the first alert is sent then", () => {
  const tracked = ruleOf({ enabled: "false" });
  tracked.take(crashes(3));
  assert.deepEqual(tracked.setJob(settingsEvent(at(90), { owner: "web" }, { version: 1 })), ["90 first 3"]);
  assert.deepEqual(tracked.alerts.map(({ details }) => [details!.Owner, details!.Muted]), [[
    "web",
    undefined,
  ]]);
});

Deno.test("a loop that was notified and is muted then does not repeat, and its end is sent", () => {
  const tracked = new TrackedRule();
  assert.deepEqual(tracked.take(crashes(3)), ["41 first 3"]);
  tracked.setJob(settingsEvent(at(60), muteUntil(at(2 * 3600 + 500))));
  assert.deepEqual(shown(tracked, at(70))?.[0], 1);
  assert.deepEqual(tracked.wait(at(7_000)), []);
  tracked.setJob(settingsEvent(at(7_000), { enabled: "false" }, { version: 1 }));
  assert.deepEqual(tracked.wait(at(8_000)), []);
  tracked.take([...stop(at(8_001))]);
  assert.deepEqual(tracked.alerts.map(({ reason, details }) => [reason, details!.Muted]), [
    ["first", undefined],
    ["resolved", undefined],
  ]);
});

Deno.test("a loop that was notified repeats in its phase when its mute passes", () => {
  const tracked = new TrackedRule();
  tracked.take(crashes(3));
  tracked.setJob(settingsEvent(at(60), muteUntil(at(2 * 3600 + 500))));
  assert.deepEqual(tracked.wait(at(2 * 3600 + 501)), ["7700 repeat 3"]);
  assert.deepEqual(tracked.take(crash(at(8_000))), []);
  assert.deepEqual(tracked.wait(at(3 * 3600 + 100)), ["10841 repeat 4"]);
});

const gaveUp = (time: bigint) => ({
  kind: "job" as const,
  name: "/api",
  time,
  namespace: "",
  job: "api",
  outcome: "gave-up" as const,
  index: 0,
  allocation: "",
  until: undefined,
  update: "",
});

Deno.test("what Nomad gave up while it was muted is sent when nothing mutes it any more", () => {
  const tracked = ruleOf(muteUntil(at(500)));
  tracked.take(crashes(3));
  tracked.rule.record(gaveUp(at(60)), at(60));
  assert.deepEqual(tracked.wait(at(61)), []);
  assert.deepEqual(tracked.alerts, []);
  assert.deepEqual(shown(tracked, at(70))?.[0], 0);
  assert.deepEqual(tracked.wait(at(501)), ["500 gave-up 3"]);
  assert.deepEqual(tracked.alerts.map(({ reason }) => reason), ["gave-up"]);
  assert.deepEqual(shown(tracked, at(501)), [2, undefined]);
});

Deno.test("a rule that resumes knows what jobs ask for, and which loops no sink knows", () => {
  const tracked = ruleOf(muteUntil(at(500)));
  tracked.take(crashes(3));
  const resumed = new TrackedRule({}, { streaks: tracked.streaks, tables: tracked.tables, now: undefined });
  assert.deepEqual(shown(resumed, at(60))?.[0], 0);
  assert.deepEqual(resumed.wait(at(501)), ["500 first 3"]);
});

Deno.test("alerts say whose the job is, how severe it is and which sinks get it", () => {
  const meta = { owner: "web", runbook: "https://wiki/x", severity: "critical", sinks: "slack" };
  const tracked = ruleOf(meta);
  tracked.take(crashes(3));
  const [{ sinks, details }] = tracked.alerts as [Alert];
  const { Owner, Runbook, Severity, Muted } = details!;
  assert.deepEqual([sinks, Owner, Runbook, Severity, Muted], [
    ["slack"],
    "web",
    "https://wiki/x",
    "critical",
    undefined,
  ]);
});

Deno.test("the end of a loop goes to every sink that got an alert about it, a repeat where the job wants it now", () => {
  const tracked = ruleOf({ sinks: "slack" });
  tracked.take(crashes(3));
  tracked.setJob(settingsEvent(at(60), { sinks: "pagerduty" }, { version: 1 }));
  tracked.wait(at(3_700));
  tracked.take([...stop(at(3_701))]);
  assert.deepEqual(tracked.alerts.map(({ reason, sinks }) => [reason, sinks]), [
    ["first", ["slack"]],
    ["repeat", ["pagerduty"]],
    ["resolved", ["slack", "pagerduty"]],
  ]);
});

const scopes: readonly (readonly [scope: Record<string, string>, muted: string | undefined])[] = [
  [{ exclude: "default/api" }, "as EXCLUDE says"],
  [{ exclude: "*/*/*/app" }, "as EXCLUDE says"],
  [{ exclude: "*/other" }, undefined],
  [{ include: "default/api/web/app" }, undefined],
  [{ include: "prod" }, "as INCLUDE says"],
  [{ include: "default", exclude: "*/a*" }, "as EXCLUDE says"],
];

for (const [scope, muted] of scopes) {
  Deno.test(`${JSON.stringify(scope)}: ${muted ?? "it is notified"}`, () => {
    const globs = Object.entries(scope).map(([key, text]) => [key, parseGlobs(text)]);
    const tracked = new TrackedRule(Object.fromEntries(globs));
    tracked.take(crashes(3));
    assert.deepEqual(shown(tracked, at(60)), [muted === undefined ? 1 : 0, muted]);
    assert.equal(tracked.alerts.length, muted === undefined ? 1 : 0);
  });
}

Deno.test("a start without the EXCLUDE of before sends the first alert of a loop that goes on", () => {
  const tracked = new TrackedRule({ exclude: parseGlobs("default/api") });
  tracked.take(crashes(3));
  const resumed = new TrackedRule({}, { streaks: tracked.streaks, tables: tracked.tables, now: undefined });
  assert.deepEqual(resumed.wait(at(60)), ["41 first 3"]);
});

/** Versions of a job, by chance; undefined asks for nothing. */
function anyMeta(random: Random, now: number): Meta | undefined {
  if (random.chance(0.2)) return undefined;
  const meta: Record<string, string> = {};
  if (random.chance(0.3)) meta.enabled = random.pick(["true", "false"]);
  if (random.chance(0.4)) meta.restart_count = random.pick(["1", "2", "3", "5", "wrong"]);
  if (random.chance(0.3)) meta.stable_after = random.pick(["30s", "5m", "20m"]);
  if (random.chance(0.3)) meta.notification_interval = random.pick(["1m", "10m", "2h"]);
  if (random.chance(0.3)) meta.mute_until = formatTime(at(now + random.between(-600, 6_000)));
  return meta;
}

Deno.test("whatever jobs ask for and when: nothing is sent while it is muted, each loop is told of once nothing mutes it, and ends that began are sent", () => {
  const seed = anySeed();
  for (let round = 0; round < 150; round++) {
    const random = new Random(seed + round);
    let tracked = new TrackedRule();
    const sent: Alert[] = [];
    let [time, version] = [0, 0];
    let [mutedUntil, isEnabled, threshold] = [-1n << 63n, true, 3];
    const hint = () => `seed ${seed + round}, ${time} s: ${tracked.said.join(", ")}`;
    const check = () => {
      const now = at(time);
      const fresh = tracked.alerts.splice(0);
      for (const alert of fresh) {
        assert.equal(sent.some(({ id }) => id === alert.id), false, `${hint()}: sent twice`);
        const begun = sent.some(({ loop }) => loop === alert.loop);
        assert.equal(begun, alert.reason !== "first", hint());
        sent.push(alert);
      }
      const loop = tracked.rule.loop(name, now);
      if (loop === undefined) return;
      const isMuted = !isEnabled || mutedUntil > now;
      assert.equal(loop.alert.details!.Muted !== undefined, isMuted, hint());
      // With a higher threshold than it began with, it is not told of before that is reached.
      if (!isMuted && loop.alert.details!.Failures >= threshold) {
        assert.ok(loop.notified > 0 && sent.some(({ loop: id }) => id === loop.alert.loop), hint());
      }
      if (isMuted) {
        const told = sent.filter(({ loop: id }) => id === loop.alert.loop).length;
        assert.equal(loop.notified, told, hint());
      }
    };
    for (let step = 0; step < 60; step++) {
      time += random.pick([1, 20, 60, 400, 1500]);
      // What was due on the way is checked with the settings of that time.
      const before = tracked.alerts.length;
      tracked.wait(at(time));
      for (const { details } of tracked.alerts.slice(before)) assert.equal(details!.Muted, undefined, hint());
      check();
      const what = random.pick(["crash", "crash", "crash", "job", "run", "stop", "restart"]);
      if (what === "crash") tracked.take(crash(at(time), {}));
      else if (what === "run") tracked.take([started(at(time))]);
      else if (what === "stop") tracked.take(stop(at(time)));
      else if (what === "restart") {
        tracked = new TrackedRule({}, {
          streaks: tracked.streaks,
          tables: tracked.tables.copy(),
          now: undefined,
        });
        tracked.wait(at(time));
      } else {
        const meta = anyMeta(random, time);
        isEnabled = meta?.enabled !== "false";
        threshold = Number(meta?.restart_count) || 3;
        mutedUntil = meta?.mute_until === undefined
          ? -1n << 63n
          : BigInt(Date.parse(meta.mute_until)) * 1_000_000n;
        tracked.setJob(settingsEvent(at(time), meta, { version: version++ }));
      }
      check();
    }
    // In the end somebody lifts everything, and then the task is stopped.
    time += 1;
    [isEnabled, mutedUntil, threshold] = [true, -1n << 63n, 3];
    tracked.setJob(settingsEvent(at(time), undefined, { version }));
    check();
    time += 1;
    tracked.take(stop(at(time)));
    check();
    for (const { loop } of sent) {
      const ends = sent.filter((alert) => alert.loop === loop && alert.reason === "resolved").length;
      assert.equal(ends, 1, `${hint()}: ends of ${loop}`);
    }
  }
});
