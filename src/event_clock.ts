// The clock of recordings: the time of the newest event so far. It is the same whenever a recording is read.
import type { Nanoseconds } from "./duration.ts";
import { latestEventTime, wallClock } from "./time.ts";

/** Before the first event nothing is over. */
const longAgo = -(1n << 63n);

/** A clock that events move on. */
export class EventClock {
  /** The time of the newest event; undefined before the first. */
  newest: Nanoseconds | undefined;

  /** Goes on from a time that was kept. */
  constructor(newest?: Nanoseconds) {
    this.newest = newest;
  }

  /** The time now. */
  get now(): Nanoseconds {
    return this.newest ?? longAgo;
  }

  /**
   * Moves on to the time of an event, but never back nor far ahead of the wall's clock; what falls due on the way is
   * told in its order and at its time. Yields the time now.
   */
  advance(
    time: Nanoseconds,
    rule: { readonly nextDue: Nanoseconds | undefined },
    tellDue: (now: Nanoseconds) => void,
  ): Nanoseconds {
    if (this.newest !== undefined && time <= this.newest) return this.newest;
    if (time > latestEventTime()) return this.newest ?? wallClock();
    while (rule.nextDue !== undefined && rule.nextDue <= time) tellDue(rule.nextDue);
    return this.newest = time;
  }
}
