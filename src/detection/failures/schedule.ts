// When each streak is looked at next without an event: its deadline, or when the source has shown enough to judge it.
// No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { IndexedHeap } from "../../lib/offheap/indexed_heap.ts";
import { earlier, later, maxTime } from "../../lib/time.ts";
import type { Visibility } from "../visibility.ts";
import type { Deadlines } from "./deadlines.ts";
import { type FailureStreak, hasGivenUp, isActive } from "./streak.ts";
import type { Tracked } from "./tracked_streaks.ts";

const second = 1_000_000_000n;
/** An event older than this is stale: its streak is catching up. */
const staleAge = 30n * second;
/** Before time decides about a streak that is catching up, no event may come for this long … */
const settleDelay = 2n * second;
/** … but it waits no longer than this; and so does every streak after a start. */
const maxCatchUp = staleAge;

/** The streaks in the order in which time decides about them. */
export class Schedule {
  readonly #deadlines: Deadlines;
  readonly #visibility: Visibility;
  readonly #due = new IndexedHeap();
  /** Streaks that are due, by the time up to which the source must have shown everything first. */
  readonly #unseen = new IndexedHeap();
  /** Until then only events decide. */
  #quietUntil = -maxTime;

  constructor(deadlines: Deadlines, visibility: Visibility) {
    this.#deadlines = deadlines;
    this.#visibility = visibility;
  }

  /** When `take` returns one next. */
  get next(): Nanoseconds | undefined {
    const { next } = this.#due;
    if (!this.#becomesVisible()) return next;
    return next === undefined ? this.#visibility.until : earlier(next, this.#visibility.until);
  }

  /** Nothing but events decides until what happened before the start had time to arrive. */
  holdAfterStart(now: Nanoseconds): void {
    this.#quietUntil = now + maxCatchUp;
  }

  clockSetBack(now: Nanoseconds): void {
    this.#quietUntil = earlier(this.#quietUntil, now + maxCatchUp);
  }

  /** Notes whether the streak of an event of this time is catching up. */
  noteAge(tracked: Tracked, time: Nanoseconds, now: Nanoseconds): void {
    const since = tracked.catchingUpSince;
    if (now - time < staleAge) tracked.catchingUpSince = undefined;
    else if (since === undefined || now - since >= 2n * maxCatchUp) tracked.catchingUpSince = now;
  }

  /** Schedules the next look at a streak. */
  set(tracked: Tracked, now: Nanoseconds): void {
    this.#due.set(tracked.number, this.#wakeAt(tracked, now));
  }

  /** Schedules a look at a streak for this time. */
  setAt(tracked: Tracked, time: Nanoseconds): void {
    this.#due.set(tracked.number, time);
  }

  /** Takes the number of a streak that is due; undefined if there is none. */
  take(now: Nanoseconds): number | undefined {
    const { next } = this.#due;
    if (next !== undefined && next <= now) return this.#due.take();
    return this.#becomesVisible() ? this.#unseen.take() : undefined;
  }

  /** Whether the source has shown by now what a streak waits for. */
  #becomesVisible(): boolean {
    const { next } = this.#unseen;
    return next !== undefined && this.#visibility.saw(next);
  }

  #wakeAt({ streak, number, catchingUpSince }: Tracked, now: Nanoseconds): Nanoseconds {
    if (hasGivenUp(streak)) {
      return streak.notified!.muted
        ? earlier(later(this.#deadlines.mayNotifyAt(streak), now), maxTime)
        : maxTime;
    }
    let wakeAt = streak.failures === 0
      ? this.#deadlines.forgottenAt(streak)
      : this.#decidedAt(streak, number, now);
    if (catchingUpSince !== undefined) {
      wakeAt = later(wakeAt, earlier(now + settleDelay, catchingUpSince + maxCatchUp));
    }
    return earlier(later(wakeAt, this.#quietUntil), maxTime);
  }

  /** When time decides about a streak with failures. What the source must have shown first goes to `#unseen`. */
  #decidedAt(streak: FailureStreak, number: number, now: Nanoseconds): Nanoseconds {
    const { at } = this.#deadlines.endOf(streak);
    if (at <= now && !this.#visibility.saw(at)) {
      this.#unseen.set(number, at);
      return maxTime;
    }
    const notifyAt = later(this.#deadlines.notifyAt(streak), now);
    if (notifyAt > now || !isActive(streak) || !this.#visibility.isBlind) return earlier(at, notifyAt);
    this.#unseen.set(number, this.#visibility.until);
    return at;
  }
}
