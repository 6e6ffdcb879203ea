// The rule `failures` as its tests drive it: with updates and time, and what it notified as text.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import type { FailuresThresholds } from "../../src/detection/failures/deadlines.ts";
import { FailuresRule } from "../../src/detection/failures/rule.ts";
import type { FailureStreak } from "../../src/detection/failures/streak.ts";
import type { Decision } from "../../src/detection/rule.ts";
import type { JobSettingsEvent } from "../../src/detection/event.ts";
import type { Scope } from "../../src/detection/jobs/job_settings.ts";
import { Tables } from "./tables.ts";
import { Visibility } from "../../src/detection/visibility.ts";
import { formatTime } from "../../src/lib/time.ts";
import type { Random } from "./random.ts";
import {
  at,
  crash,
  decoded,
  deployed,
  giveUp,
  killing,
  restarting,
  started,
  stop,
  type TaskUpdate,
  taskUpdate,
  terminated,
} from "./runs.ts";

export const seconds = 1_000_000_000n;
export const minutes = 60n * seconds;
export const hours = 60n * minutes;

export const usual: FailuresThresholds = {
  restartCount: 3,
  stableAfter: 10n * minutes,
  notificationInterval: 1n * hours,
  notifyResolved: true,
};

/** Resumes where a rule stopped that kept these streaks; `now` is the wall clock's time. */
interface Restored {
  readonly streaks: ReadonlyMap<string, FailureStreak>;
  /** All that it kept, which this rule goes on with; only the streaks by default. */
  readonly tables?: Tables;
  readonly now: bigint | undefined;
}

/** The rule, and what it notified and kept. */
export class TrackedRule {
  readonly rule: FailuresRule;
  readonly streaks = new Map<string, FailureStreak>();
  readonly tables: Tables;
  readonly alerts: Alert[] = [];
  /** `first 3`, `repeat 9`, `resolved: it was stopped`. */
  readonly said: string[] = [];
  readonly reasons: string[] = [];
  #now = -1n << 63n;

  constructor(
    differs: Partial<FailuresThresholds & Scope> = {},
    restored?: Restored,
    readonly visibility: Visibility = new Visibility(),
  ) {
    this.tables = restored?.tables ?? new Tables();
    const put = (table: string, name: string, value: unknown) => {
      this.tables.put(table, name, value);
      if (table !== "streaks") return;
      if (value === undefined) this.streaks.delete(name);
      else this.streaks.set(name, structuredClone(value) as FailureStreak);
    };
    this.rule = new FailuresRule({ ...usual, ...differs }, { put }, visibility);
    if (restored !== undefined) {
      for (const [name, streak] of restored.streaks) put("streaks", name, streak);
      this.rule.restore(this.tables, restored.now);
    }
  }

  /** Takes what a job asks for. Returns what was notified because of it. */
  setJob(settings: JobSettingsEvent, now = settings.time): string[] {
    const before = this.said.length;
    this.wait(now);
    this.#note(this.rule.record(settings, this.#now), this.#now);
    this.#pass(this.#now);
    return this.said.slice(before);
  }

  /** Takes updates, each at its own time or at `now`. Returns what was notified of them. */
  take(updates: readonly string[], now?: bigint): string[] {
    const before = this.said.length;
    for (const update of updates) {
      const event = decoded(update);
      this.wait(now ?? event.time);
      this.#note(this.rule.record(event, this.#now), this.#now);
    }
    return this.said.slice(before);
  }

  /** Lets time pass up to then. Returns what was notified meanwhile. */
  wait(until: bigint): string[] {
    const before = this.said.length;
    if (until <= this.#now) return [];
    this.#now = until;
    this.#pass(until);
    return this.said.slice(before);
  }

  /** Lets time pass up to then, all of which the source has shown. Returns what was notified meanwhile. */
  see(until: bigint): string[] {
    const before = this.said.length;
    this.wait(until);
    this.visibility.regain(until);
    this.visibility.hear(until);
    this.#pass(until);
    return this.said.slice(before);
  }

  #pass(until: bigint): void {
    for (let due = this.rule.nextDue; due !== undefined && due <= until; due = this.rule.nextDue) {
      for (const decision of this.rule.due(due, 10_000)) this.#note(decision, due);
      const next = this.rule.nextDue;
      assert.ok(next === undefined || next > due, "due() gets on");
    }
  }

  #note(decision: Decision, now: bigint): void {
    this.reasons.push(decision.reason);
    const isSent = decision.reason !== "muted";
    if (isSent && "alert" in decision && decision.alert !== undefined) this.alerts.push(decision.alert);
    const after = (now - at(0)) / seconds;
    if (decision.reason === "resolved") this.said.push(`${after} resolved: ${decision.cause}`);
    else if ("alert" in decision) {
      this.said.push(`${after} ${decision.reason} ${decision.alert!.details!.Failures}`);
    }
  }
}

/** The key of the updates' task. */
export const name = "api.web[0]/app";

/** A random life of a task, and how many consecutive failures it ends with. */
export function randomLife(random: Random): { updates: string[]; failures: number; until: number } {
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
