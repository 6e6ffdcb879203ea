// The rule `restarts` with what jobs ask for in their meta, and with INCLUDE and EXCLUDE. Times are seconds.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { detailsOf } from "../../../src/detection/alert/details_of.ts";
import { parseGlobs } from "../../../src/detection/alert/path_filter.ts";
import type { Scope } from "../../../src/detection/jobs/job_settings.ts";
import { RestartsRule } from "../../../src/detection/restarts/rule.ts";
import type { Decision } from "../../../src/detection/rule.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { settingsUpdate } from "../../helpers/job_settings.ts";
import { TestJournal } from "../../helpers/journal.ts";
import { at, restarting } from "../../helpers/runs.ts";

const thresholds = {
  restartCount: 3,
  restartInterval: 300_000_000_000n,
  notificationInterval: 600_000_000_000n,
  notifyResolved: true,
};
const name = "prod/api.web[0]";

/** The rule, driven by updates of `prod/api`, and what it decided: `41 first 3`. */
class Driven {
  readonly rule: RestartsRule;
  readonly alerts: Alert[] = [];
  #said: string[] = [];
  #now = 0;

  constructor(scope: Scope = {}, readonly journal = new TestJournal()) {
    this.rule = new RestartsRule({ ...thresholds, ...scope }, journal);
    this.rule.restore(journal.kept, undefined);
  }

  job(seconds: number, meta: Readonly<Record<string, string>> | undefined, task = "app"): string[] {
    return this.#take(seconds, settingsUpdate(at(seconds), meta, { namespace: "prod", task }));
  }

  restarts(...seconds: number[]): string[] {
    const fields = { Namespace: "prod" };
    return seconds.flatMap((second) => this.#take(second, restarting(at(second), { fields })));
  }

  wait(seconds: number): string[] {
    this.#pass(seconds);
    return this.#said.splice(0);
  }

  shown(seconds: number): readonly [number, string | undefined] | undefined {
    const loop = this.rule.loop(name, at(seconds));
    return loop && [loop.notified, detailsOf(loop.alert).Muted];
  }

  #take(seconds: number, update: string): string[] {
    this.#pass(seconds);
    const event = this.rule.decode(new TextEncoder().encode(update));
    if (event.kind === "malformed" || event.kind === "other") throw new Error(event.kind);
    this.#note(this.rule.record(event, at(seconds)), seconds);
    this.#pass(seconds);
    return this.#said.splice(0);
  }

  #pass(seconds: number): void {
    for (let due = this.rule.nextDue; due !== undefined && due <= at(seconds); due = this.rule.nextDue) {
      const now = Math.max(this.#now, Number((due - at(0)) / 1_000_000_000n));
      for (const decision of this.rule.due(due, 100)) this.#note(decision, now);
      assert.ok(this.rule.nextDue === undefined || this.rule.nextDue > due, "due() gets on");
    }
    this.#now = seconds;
    this.journal.commit(at(seconds));
  }

  #note(decision: Decision, seconds: number): void {
    if (!/^(?:first|repeat|muted|resolved)$/.test(decision.reason)) return;
    const alert = "alert" in decision ? decision.alert : undefined;
    this.#said.push(`${seconds} ${decision.reason}${alert === undefined ? "" : ` ${alert.eventLog.length}`}`);
    if (alert !== undefined && decision.reason !== "muted") this.alerts.push(alert);
  }
}

Deno.test("record() takes threshold and interval from the job of the task that restarts", () => {
  const driven = new Driven();
  driven.job(0, { restart_count: "2", notification_interval: "100s" });
  assert.deepEqual(driven.restarts(1, 2), ["2 first 2"]);
  assert.deepEqual(driven.wait(110), ["102 repeat 2"]);
  driven.job(120, { restart_count: "9" }, "side");
  assert.deepEqual(driven.restarts(121, 122), []);
  assert.deepEqual(driven.restarts(123), []);
});

Deno.test("a muted loop of the rule restarts is active, and sent when its mute passes", () => {
  const driven = new Driven();
  driven.job(0, { mute_until: formatTime(at(200)), owner: "web" });
  assert.deepEqual(driven.restarts(1, 2, 3), ["3 muted 3"]);
  assert.deepEqual(driven.shown(10), [0, `until ${formatTime(at(200))}, as crashloop_mute_until says`]);
  assert.deepEqual(driven.wait(250), ["200 first 3"]);
  assert.deepEqual(driven.shown(250), [1, undefined]);
  assert.deepEqual(driven.alerts.map(({ id, loop }) => id === loop), [true]);
  assert.equal(detailsOf(driven.alerts[0]!).Owner, "web");
  assert.deepEqual(driven.wait(1000), ["800 resolved 0"]);
});

Deno.test("a muted loop of the rule restarts that ends was never sent, and a new version lifts a mute at once", () => {
  const driven = new Driven();
  driven.job(0, { enabled: "false" });
  assert.deepEqual(driven.restarts(1, 2, 3), ["3 muted 3"]);
  assert.deepEqual(driven.wait(2000), ["603 resolved"]);
  assert.deepEqual(driven.restarts(2001, 2002, 2003), ["2003 muted 3"]);
  assert.deepEqual(driven.job(2100, undefined), ["2100 first 3"]);
});

Deno.test("a notified loop of the rule restarts that is muted does not repeat, and its end is sent", () => {
  const driven = new Driven();
  assert.deepEqual(driven.restarts(1, 2, 3), ["3 first 3"]);
  driven.job(10, { enabled: "false" });
  assert.deepEqual(driven.restarts(500, 520, 540, 600), []);
  assert.deepEqual(driven.wait(700), []);
  assert.deepEqual(driven.wait(2000), ["1203 resolved 0"]);
});

Deno.test("a rule restarts that resumes knows what jobs ask for, and which loops no sink knows", () => {
  const driven = new Driven();
  driven.job(0, { mute_until: formatTime(at(200)), sinks: "slack" });
  driven.restarts(1, 2, 3);
  driven.wait(4);
  const resumed = new Driven({}, driven.journal);
  assert.deepEqual(resumed.shown(10)?.[0], 0);
  assert.deepEqual(resumed.wait(250), ["200 first 3"]);
  assert.deepEqual(resumed.alerts.map(({ sinks }) => sinks), [["slack"]]);
});

Deno.test("EXCLUDE and INCLUDE mute loops of the rule restarts", () => {
  const driven = new Driven({ exclude: parseGlobs("prod/api") });
  assert.deepEqual(driven.restarts(1, 2, 3), ["3 muted 3"]);
  assert.deepEqual(driven.shown(10), [0, "as EXCLUDE says"]);
  driven.wait(20);
  const resumed = new Driven({ include: parseGlobs("prod/*/*/app") }, driven.journal);
  assert.deepEqual(resumed.wait(30), ["3 first 3"]);
});
