// The rule `restarts`: that of seatgeek's nomad-crashloop-detector. It decides which restarts count, when a loop is
// notified, and when it repeats. No clock, no I/O.
import { IndexedHeap } from "../../lib/offheap/indexed_heap.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import type { KeptRestarts, Notified, RestartsState } from "./state.ts";
import { Interner } from "../../lib/offheap/interner.ts";
import type { ActiveLoop, Decision, Rule } from "../rule.ts";
import { capped, leavesAt, withInterval } from "./expiry.ts";
import type { Muting, Scope } from "../jobs/job_settings.ts";
import { JobsOfRestarts } from "./jobs_of_restarts.ts";
import { NotifiedTable } from "./notified.ts";
import { decode } from "../decode/update.ts";
import type { JobSettingsEvent, Restart, RuleEvent } from "../event.ts";
import { earlier } from "../../lib/time.ts";
import { type Counted, Windows } from "./windows.ts";

/** When a loop is notified. */
export interface RestartsThresholds {
  /** This many restarts … */
  readonly restartCount: number;
  /** … younger than this are a crash loop, … */
  readonly restartInterval: Nanoseconds;
  /** … which is notified once in this time. */
  readonly notificationInterval: Nanoseconds;
  /** Restarts requested by a user or a template do not count. */
  readonly ignoreRequested?: boolean;
  /** Its resolution is sent too. */
  readonly notifyResolved?: boolean;
}

/** Restarts kept of one key, or `restartCount` if that is more; the oldest make room. */
export const maxRestarts = 10_000;

/**
 * Counts restarts by key and decides when to notify. It tracks a key for as long as one of its restarts is in the
 * window or its last alert is younger than `notificationInterval`.
 */
export class RestartsRule implements Rule {
  readonly counts = "restart";
  readonly decode = decode;
  readonly #thresholds: RestartsThresholds;
  readonly #state: RestartsState;
  readonly #jobs: JobsOfRestarts;
  /** The keys of active loops of which no sink got an alert. */
  readonly #muted = new Set<string>();
  /** The tracked keys; everything else goes by their rows. */
  readonly #names = new Interner();
  readonly #dueHeap = new IndexedHeap();
  readonly #windows = new Windows();
  readonly #notified = new NotifiedTable();
  /** Restarts kept of one key. */
  readonly #limit: number;
  #arrivals = 0;
  /** The clock is that of the wall, not that of the events. */
  #isLive = true;

  constructor(thresholds: RestartsThresholds & Scope, state: RestartsState) {
    this.#thresholds = thresholds;
    this.#state = state;
    this.#jobs = new JobsOfRestarts(thresholds, state);
    this.#limit = Math.max(maxRestarts, thresholds.restartCount);
  }

  get names(): number {
    return this.#names.size;
  }

  get looping(): number {
    return this.#notified.size;
  }

  get nextDue(): Nanoseconds | undefined {
    return this.#dueHeap.next;
  }

  /** Reports only what changed because the thresholds did. */
  restore(kept: KeptRestarts, now?: Nanoseconds): void {
    this.#isLive = now !== undefined;
    this.#jobs.restore(kept);
    for (const [name] of kept.entries("muted")) this.#muted.add(name);
    for (const [name, restart] of kept.restarts()) {
      const row = this.#watch(name);
      this.#arrivals = restart.arrival + 1;
      if (!this.#restoreRestart(row, name, restart)) continue;
      this.#makeRoom(row, name);
      this.#dueHeap.set(row, this.#windows.emptyAt(row));
    }
    for (const [name, notified] of kept.notified()) {
      const row = this.#watch(name);
      this.#notified.add(row, notified);
      this.#dueHeap.set(row, this.#dueAt(name, notified));
    }
  }

  clockSetBack(now: Nanoseconds, from: Nanoseconds): void {
    for (const row of this.#names.rows()) {
      const name = this.#names.name(row);
      this.#setWindowBack(row, name, now, from);
      const notified = this.#notified.has(row) ? this.#notified.get(row) : undefined;
      if (notified === undefined) {
        this.#dueHeap.set(row, this.#windows.size(row) > 0 ? this.#windows.emptyAt(row) : now);
        continue;
      }
      if (notified.notifiedAt <= now) continue;
      const corrected = { ...notified, notifiedAt: now };
      this.#notified.repeat(row, corrected);
      this.#state.notified(name, corrected);
      this.#dueHeap.set(row, this.#dueAt(name, corrected));
    }
  }

  record(restart: RuleEvent, now: Nanoseconds): Decision {
    if (restart.kind === "job-settings") return this.#recordSettings(restart, now);
    if (restart.kind !== "restart") return { reason: "noted" };
    const { name, update } = restart;
    if (restart.requested && this.#thresholds.ignoreRequested) return { reason: "requested" };
    if (now - restart.time >= this.#thresholds.restartInterval) return { reason: "outside-window" };
    const row = this.#watch(name);
    this.#windows.drop(row, now);
    if (!this.#countAll(row, restart, now)) return { reason: "duplicate" };
    const isNotified = this.#notified.has(row);
    if (isNotified) this.#state.notified(name, this.#notified.setLastEvent(row, update));
    const counted = this.#windows.size(row);
    if (counted < this.#restartCount(update)) return { reason: "below-threshold", counted };
    if (isNotified) return { reason: "already-notified", counted };
    return this.#notify(row, restart, now);
  }

  due(now: Nanoseconds, limit: number): Decision[] {
    const decisions: Decision[] = [];
    for (; limit > 0 && this.#dueHeap.next !== undefined && this.#dueHeap.next <= now; limit--) {
      const row = this.#dueHeap.take();
      this.#windows.drop(row, now);
      const decision = this.#notified.has(row) ? this.#repeatOrResolve(row, now) : undefined;
      if (decision !== undefined) decisions.push(decision);
      if (this.#dueHeap.has(row)) continue;
      if (this.#windows.size(row) > 0) this.#dueHeap.set(row, this.#windows.emptyAt(row));
      else this.#names.delete(row);
    }
    return decisions;
  }

  /** With the restarts that were in the window at the last event or deadline. */
  loop(name: string, now: Nanoseconds): ActiveLoop | undefined {
    const row = this.#names.find(name);
    if (row < 0 || !this.#notified.has(row)) return undefined;
    const notified = this.#notified.get(row);
    const muting = this.#jobs.mutingOf(notified.lastEvent, now);
    const alert = this.#alert(row, name, notified, "repeat", muting);
    return { alert, notified: this.#muted.has(name) ? 0 : notified.repeats + 1 };
  }

  *loops(): Iterable<string> {
    for (const row of this.#names.rows()) if (this.#notified.has(row)) yield this.#names.name(row);
  }

  #watch(name: string): number {
    const row = this.#names.find(name);
    return row >= 0 ? row : this.#names.add(name);
  }

  /** Counts the restart, and those that no event showed before it. They get its time, and identities of their own. */
  #countAll(row: number, restart: Restart, now: Nanoseconds): boolean {
    if (!this.#count(row, restart, now)) return false;
    const missed = Math.min(restart.missed, this.#limit);
    for (let number = 1; number <= missed; number++) {
      this.#count(row, { ...restart, identity: (restart.identity + number) % 2 ** 53 }, now);
    }
    return true;
  }

  #count(row: number, { time, identity, name }: Restart, now: Nanoseconds): boolean {
    const leaves = leavesAt(time, now, this.#thresholds.restartInterval);
    const restart = { time, identity, leavesAt: leaves, arrival: this.#arrivals };
    if (!this.#windows.add(row, restart)) return false;
    this.#arrivals++;
    this.#state.counted(name, restart);
    if (!this.#dueHeap.has(row)) this.#dueHeap.set(row, restart.leavesAt);
    this.#makeRoom(row, name);
    return true;
  }

  /** Restarts after `now` come from the clock that was wrong, and are dropped; those of a node that is ahead count as if
   * they came now. */
  #setWindowBack(row: number, name: string, now: Nanoseconds, from: Nanoseconds): void {
    const restarts: Counted[] = [];
    while (this.#windows.size(row) > 0) restarts.push(this.#windows.dropFirst(row));
    for (const restart of restarts) {
      const right = leavesAt(restart.time, now, this.#thresholds.restartInterval);
      const isWrong = this.#isLive && restart.time > now && restart.time <= from;
      if (isWrong || right < restart.leavesAt) this.#state.dropped(name, restart);
      if (isWrong) continue;
      const corrected = right < restart.leavesAt ? { ...restart, leavesAt: right } : restart;
      this.#windows.add(row, corrected);
      if (corrected !== restart) this.#state.counted(name, corrected);
    }
  }

  #makeRoom(row: number, name: string): void {
    while (this.#windows.size(row) > this.#limit) this.#state.dropped(name, this.#windows.dropFirst(row));
  }

  /** Restores a restart under the present interval; reports it if that changes when it leaves. */
  #restoreRestart(row: number, name: string, restart: Counted): boolean {
    const changed = withInterval(restart, this.#thresholds.restartInterval);
    if (changed !== restart) {
      this.#state.dropped(name, restart);
      this.#state.counted(name, changed);
    }
    return this.#windows.add(row, changed);
  }

  #restartCount(update: string): number {
    return this.#jobs.of(update).restartCount ?? this.#thresholds.restartCount;
  }

  #interval(update: string): Nanoseconds {
    return this.#jobs.of(update).notificationInterval ?? this.#thresholds.notificationInterval;
  }

  /** A loop of which no sink knows is looked at again when nothing mutes it any more. */
  #dueAt(name: string, { notifiedAt, lastEvent }: Notified): Nanoseconds {
    const dueAt = notifiedAt + this.#interval(lastEvent);
    if (!this.#muted.has(name)) return capped(dueAt);
    const until = this.#jobs.mutingOf(lastEvent, notifiedAt)?.until ?? notifiedAt;
    return capped(earlier(dueAt, until));
  }

  /** Loops of the job that no sink knows are looked at again, since nothing may mute them any more. */
  #recordSettings(event: JobSettingsEvent, now: Nanoseconds): Decision {
    this.#jobs.take(event);
    for (const name of this.#muted) {
      const row = this.#names.find(name);
      if (row >= 0 && this.#notified.has(row)) this.#dueHeap.set(row, now);
    }
    return { reason: "noted" };
  }

  #notify(row: number, restart: Restart, now: Nanoseconds): Decision {
    const { name, allocation, task, time, update } = restart;
    const id = alertId(name, allocation, task, String(time));
    const notified = { notifiedAt: now, id, repeats: 0, lastEvent: update };
    const muting = this.#jobs.mutingOf(update, now);
    if (muting !== undefined) this.#setMuted(name, true);
    this.#notified.add(row, notified);
    const alert = this.#keep(row, name, notified, "first", muting);
    return { reason: muting === undefined ? "first" : "muted", alert };
  }

  #repeatOrResolve(row: number, now: Nanoseconds): Decision | undefined {
    const name = this.#names.name(row);
    const notified = this.#notified.get(row);
    const { lastEvent } = notified;
    const muted = this.#muted.has(name);
    if (this.#windows.size(row) < this.#restartCount(lastEvent)) {
      this.#notified.delete(row);
      this.#state.notified(name, undefined);
      if (muted) this.#setMuted(name, false);
      const cause = "it no longer restarts that often";
      if (!this.#thresholds.notifyResolved || muted) return { reason: "resolved", name, cause };
      return { reason: "resolved", name, cause, alert: this.#alert(row, name, notified, "resolved") };
    }
    const interval = this.#interval(lastEvent);
    const notifiedAt = notified.notifiedAt + (now - notified.notifiedAt) / interval * interval;
    if (this.#jobs.mutingOf(lastEvent, now) !== undefined) {
      const looked = { ...notified, notifiedAt };
      this.#notified.repeat(row, looked);
      this.#keep(row, name, looked, "repeat");
      return undefined;
    }
    if (muted) return { reason: "first", alert: this.#unmute(row, name, notified, now) };
    const repeated = { ...notified, notifiedAt, repeats: notified.repeats + 1 };
    this.#notified.repeat(row, repeated);
    return { reason: "repeat", alert: this.#keep(row, name, repeated, "repeat") };
  }

  /** Nothing mutes the loop any more, and it is still active. */
  #unmute(row: number, name: string, notified: Notified, now: Nanoseconds): Alert {
    this.#setMuted(name, false);
    const first = { ...notified, notifiedAt: now };
    this.#notified.repeat(row, first);
    return this.#keep(row, name, first, "first");
  }

  #setMuted(name: string, muted: boolean): void {
    if (muted) this.#muted.add(name);
    else this.#muted.delete(name);
    this.#state.put("muted", name, muted || undefined);
  }

  /** Keeps a notification that is sent now, until the next one. */
  #keep(row: number, name: string, notified: Notified, reason: "first" | "repeat", muting?: Muting): Alert {
    this.#dueHeap.set(row, this.#dueAt(name, notified));
    this.#state.notified(name, notified);
    return this.#alert(row, name, notified, reason, muting);
  }

  #alert(
    row: number,
    name: string,
    { id, repeats, lastEvent }: Notified,
    reason: Alert["reason"],
    muting?: Muting,
  ): Alert {
    const { sinks } = this.#jobs.of(lastEvent);
    const wishes = this.#jobs.wishesOf(lastEvent, muting);
    return {
      id: reason === "first" ? id : alertId(id, reason === "repeat" ? String(repeats) : reason),
      loop: id,
      name,
      reason,
      lastEvent,
      eventLog: this.#windows.times(row),
      ...(this.#windows.size(row) >= this.#limit ? { limit: this.#limit } : {}),
      ...(wishes === undefined ? {} : { wishes }),
      ...(sinks === undefined ? {} : { sinks }),
    };
  }
}
