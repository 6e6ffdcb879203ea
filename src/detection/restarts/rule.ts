// The rule `restarts`: that of seatgeek's nomad-crashloop-detector. It decides which restarts count, when a loop is
// notified, and when it repeats. No clock, no I/O.
import { IndexedHeap } from "../../lib/offheap/indexed_heap.ts";
import { type Alert, alertId } from "../alert/alert.ts";
import type { Nanoseconds } from "../../lib/duration.ts";
import type { KeptRestarts, Notified, RestartsState } from "./state.ts";
import { Interner } from "../../lib/offheap/interner.ts";
import type { ActiveLoop, Decision, Rule } from "../rule.ts";
import { capped, leavesAt, withInterval } from "./expiry.ts";
import { NotifiedTable } from "./notified.ts";
import { decode } from "../decode/update.ts";
import type { Restart, RuleEvent } from "../event.ts";
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

  constructor(thresholds: RestartsThresholds, state: RestartsState) {
    this.#thresholds = thresholds;
    this.#state = state;
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
      this.#dueHeap.set(row, this.#dueAt(notified));
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
      this.#dueHeap.set(row, this.#dueAt(corrected));
    }
  }

  record(restart: RuleEvent, now: Nanoseconds): Decision {
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
    if (counted < this.#thresholds.restartCount) return { reason: "below-threshold", counted };
    if (isNotified) return { reason: "already-notified", counted };
    return { reason: "first", alert: this.#notify(row, restart, now) };
  }

  due(now: Nanoseconds, limit: number): Decision[] {
    const decisions: Decision[] = [];
    for (; limit > 0 && this.#dueHeap.next !== undefined && this.#dueHeap.next <= now; limit--) {
      const row = this.#dueHeap.take();
      this.#windows.drop(row, now);
      if (this.#notified.has(row)) decisions.push(this.#repeatOrResolve(row, now));
      if (this.#dueHeap.has(row)) continue;
      if (this.#windows.size(row) > 0) this.#dueHeap.set(row, this.#windows.emptyAt(row));
      else this.#names.delete(row);
    }
    return decisions;
  }

  /** With the restarts that were in the window at the last event or deadline. */
  loop(name: string): ActiveLoop | undefined {
    const row = this.#names.find(name);
    if (row < 0 || !this.#notified.has(row)) return undefined;
    const notified = this.#notified.get(row);
    return { alert: this.#alert(row, name, notified, "repeat"), notified: notified.repeats + 1 };
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

  #dueAt({ notifiedAt }: Notified): Nanoseconds {
    return capped(notifiedAt + this.#thresholds.notificationInterval);
  }

  #notify(row: number, restart: Restart, now: Nanoseconds): Alert {
    const { name, allocation, task, time, update } = restart;
    const id = alertId(name, allocation, task, String(time));
    const notified = { notifiedAt: now, id, repeats: 0, lastEvent: update };
    this.#notified.add(row, notified);
    return this.#keep(row, name, notified, "first");
  }

  #repeatOrResolve(row: number, now: Nanoseconds): Decision {
    const name = this.#names.name(row);
    const notified = this.#notified.get(row);
    if (this.#windows.size(row) < this.#thresholds.restartCount) {
      this.#notified.delete(row);
      this.#state.notified(name, undefined);
      const cause = "it no longer restarts that often";
      if (!this.#thresholds.notifyResolved) return { reason: "resolved", name, cause };
      return { reason: "resolved", name, cause, alert: this.#alert(row, name, notified, "resolved") };
    }
    const interval = this.#thresholds.notificationInterval;
    const notifiedAt = notified.notifiedAt + (now - notified.notifiedAt) / interval * interval;
    const repeated = { ...notified, notifiedAt, repeats: notified.repeats + 1 };
    this.#notified.repeat(row, repeated);
    return { reason: "repeat", alert: this.#keep(row, name, repeated, "repeat") };
  }

  /** Keeps a notification that is sent now, until the next one. */
  #keep(row: number, name: string, notified: Notified, reason: "first" | "repeat"): Alert {
    this.#dueHeap.set(row, this.#dueAt(notified));
    this.#state.notified(name, notified);
    return this.#alert(row, name, notified, reason);
  }

  #alert(row: number, name: string, { id, repeats, lastEvent }: Notified, reason: Alert["reason"]): Alert {
    return {
      id: reason === "first" ? id : alertId(id, reason === "repeat" ? String(repeats) : reason),
      loop: id,
      name,
      reason,
      lastEvent,
      eventLog: this.#windows.times(row),
      ...(this.#windows.size(row) >= this.#limit ? { limit: this.#limit } : {}),
    };
  }
}
