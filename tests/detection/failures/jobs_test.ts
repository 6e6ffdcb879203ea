// What the rule `failures` makes of what became of a job: stopped, gone, given up or pending.
import assert from "node:assert/strict";
import type { FailuresThresholds } from "../../../src/detection/failures/deadlines.ts";
import { FailuresRule } from "../../../src/detection/failures/rule.ts";
import type { FailureStreak } from "../../../src/detection/failures/streak.ts";
import type { Decision } from "../../../src/detection/rule.ts";
import { decodeRun } from "../../../src/detection/decode/run_event.ts";
import { type JobChange, writeJobChange } from "../../../src/sources/nomad/jobs/job_change.ts";
import { formatTime } from "../../../src/lib/time.ts";
import { at, crashes, giveUp, started, type TaskUpdate } from "../../helpers/runs.ts";
import { Tables } from "../../helpers/tables.ts";

const hour = 3_600_000_000_000n;
const thresholds: FailuresThresholds = {
  restartCount: 3,
  stableAfter: 600_000_000_000n,
  notificationInterval: hour,
  notifyResolved: true,
};

/** An allocation of the job `api`, made at this raft index. */
const made = (index: number): TaskUpdate => ({
  allocation: `a${index}`,
  fields: { Namespace: "default", CreateIndex: index },
});

class TestedRule {
  readonly rule: FailuresRule;
  readonly streaks = new Map<string, FailureStreak>();
  readonly decisions: Decision[] = [];
  #now = at(0);

  constructor(streaks: ReadonlyMap<string, FailureStreak> = new Map()) {
    const put = (_: string, name: string, streak: unknown) => {
      if (streak === undefined) this.streaks.delete(name);
      else this.streaks.set(name, structuredClone(streak) as FailureStreak);
    };
    const kept = new Tables();
    for (const [name, streak] of streaks) kept.put("streaks", name, streak);
    this.rule = new FailuresRule(thresholds, { put });
    this.rule.restore(kept, undefined);
  }

  take(...updates: string[]): string[] {
    for (const update of updates) {
      const event = decodeRun(new TextEncoder().encode(update));
      assert.notEqual(event.kind, "malformed");
      if (event.kind === "malformed") break;
      if (event.time > this.#now) this.#now = event.time;
      this.decisions.push(this.rule.record(event, this.#now));
      this.#due(this.#now);
    }
    return this.said();
  }

  wait(until: bigint): string[] {
    this.#due(until);
    return this.said();
  }

  #due(until: bigint): void {
    for (const decision of this.rule.due(until, 1000)) this.decisions.push(decision);
  }

  /** What was decided since it was asked last. */
  said(): string[] {
    const said = this.decisions.splice(0).filter(({ reason }) =>
      /first|repeat|resolved|gave-up/.test(reason)
    );
    return said.map((decision) =>
      "cause" in decision
        ? `${decision.reason}: ${decision.cause}${decision.alert ? " (sent)" : ""}`
        : decision.reason
    );
  }

  news(news: Partial<JobChange>): string[] {
    return this.take(
      writeJobChange({
        namespace: "default",
        job: "api",
        outcome: "stopped",
        index: 100,
        time: Number(at(50)),
        ...news,
      }).text,
    );
  }
}

const looping = (streaks?: ReadonlyMap<string, FailureStreak>) => {
  const notified = new TestedRule(streaks);
  assert.deepEqual(
    notified.take(...crashes(2, 0, 20, made(50)), started(at(40), made(50)), ...giveUp(at(41), made(50))),
    ["first"],
  );
  return notified;
};

Deno.test("a pending loop is resolved when its job is stopped, or is gone", () => {
  assert.deepEqual(looping().news({}), ["resolved: it was stopped (sent)"]);
  assert.deepEqual(looping().news({ outcome: "gone" }), ["resolved: its job is gone (sent)"]);
});

Deno.test("a loop stays active when another job is stopped, or an earlier job of its name", () => {
  for (const other of [{ job: "api2" }, { namespace: "team-b" }, { index: 49 }, { allocation: "other" }]) {
    const notified = looping();
    assert.deepEqual(notified.news(other), [], JSON.stringify(other));
    assert.equal(notified.rule.looping, 1);
  }
});

Deno.test("a loop that Nomad gave up notifies once, does not repeat, and is kept apart until it runs again", () => {
  const notified = looping();
  const [gaveUp] = notified.news({ outcome: "gave-up" });
  assert.match(gaveUp!, /^gave-up: exited with 1 .*, 3 times since \S+ \S+; Nomad has given it up \(sent\)$/);
  assert.deepEqual(notified.news({ outcome: "gave-up" }), []);
  assert.equal(notified.rule.looping, 0);
  const again = new TestedRule(notified.streaks);
  assert.deepEqual(again.wait(at(100_000)), []);
  const name = [...again.rule.loops()][0]!;
  const shown = again.rule.loop(name, at(100_000))!;
  assert.deepEqual([shown.alert.reason, shown.alert.details!.Status, shown.notified], [
    "gave-up",
    "gave-up",
    2,
  ]);
  assert.equal(formatTime(shown.gaveUpAt!), formatTime(at(50)));
  assert.deepEqual(again.take(started(at(100_001), made(200))), ["resolved: it runs again"]);
  assert.deepEqual(again.take(...crashes(3, 100_002, 20, made(200))), ["first"]);
});

Deno.test("what Nomad gave up leaves the list when its job is stopped, and nothing is sent of that", () => {
  const notified = looping();
  notified.news({ outcome: "gave-up" });
  assert.deepEqual(notified.news({}), ["resolved: it was stopped"]);
  assert.deepEqual([...notified.rule.loops()], []);
});

Deno.test("a task that Nomad gave up before it was a loop does not notify", () => {
  const notified = new TestedRule();
  assert.deepEqual(notified.take(...crashes(2, 0, 20, made(50))), []);
  assert.deepEqual(notified.news({ outcome: "gave-up" }), []);
  assert.deepEqual([...notified.rule.failing()], []);
});

Deno.test("an allocation that waits to be placed again says when in the next alert", () => {
  const notified = looping();
  notified.news({ outcome: "pending", allocation: "a50", until: String(at(41) + 2n * hour) });
  const repeat = notified.rule.due(at(41) + hour + 10_000_000n, 10)[0]!;
  assert.ok(repeat.reason === "repeat");
  assert.equal(repeat.alert.details!.NextAttempt, formatTime(at(41) + 2n * hour));
  assert.match(repeat.alert.details!.Reason, /; Nomad tries again in 1 h/);
});
