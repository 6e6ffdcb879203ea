// When time alone decides about a streak: when its loop may be notified, when it resolves, when it is forgotten.
// No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { later, maxTime } from "../../lib/time.ts";
import type { Visibility } from "../visibility.ts";
import { flaps, quietSince, stableAfterOf } from "./flapping.ts";
import { type FailureStreak, runningSince } from "./streak.ts";

/** When a loop is notified. */
export interface FailuresThresholds {
  /** This many consecutive failed runs … */
  readonly restartCount: number;
  /** … none of which lasted this long are a loop, … */
  readonly stableAfter: Nanoseconds;
  /** … which is notified once in this time. */
  readonly notificationInterval: Nanoseconds;
  /** Its resolution is sent too. */
  readonly notifyResolved: boolean;
}

/** A task without events for so long is considered stopped and forgotten. Nomad waits an hour at most, unless a job says
 * otherwise: if it waited longer before, three times that wait. */
export const idleTimeout: Nanoseconds = 3n * 3600n * 1_000_000_000n;

/** How time resolves a loop. */
export interface TimedEnd {
  readonly how: "stable" | "quiet" | "idle";
  readonly at: Nanoseconds;
}

/** The deadlines of streaks, by the thresholds and by what the source has shown. */
export class Deadlines {
  readonly #thresholds: FailuresThresholds;
  readonly #visibility: Visibility;

  constructor(thresholds: FailuresThresholds, visibility: Visibility) {
    this.#thresholds = thresholds;
    this.#visibility = visibility;
  }

  /** Whether its failures are enough. */
  isLoop({ failures }: FailureStreak): boolean {
    return failures >= this.#thresholds.restartCount;
  }

  /** From when on a failure notifies. After a resolution that was sent, a new loop notifies at once. */
  mayNotifyAt({ notified }: FailureStreak): Nanoseconds {
    if (notified === undefined || (notified.resolved && notified.resolvedSent)) return -maxTime;
    return notified.at + this.#thresholds.notificationInterval;
  }

  /** When the streak notifies if nothing else happens. A flapping loop does not repeat while it is quiet. */
  notifyAt(streak: FailureStreak): Nanoseconds {
    if (!this.isLoop(streak)) return maxTime;
    const notifyAt = this.mayNotifyAt(streak);
    const since = flaps(streak) ? quietSince(streak) : undefined;
    return since !== undefined && notifyAt >= since + this.#thresholds.stableAfter ? maxTime : notifyAt;
  }

  /** When time alone resolves the streak if nothing else happens. A task is idle only while the source sees. */
  endOf(streak: FailureStreak): TimedEnd {
    const stableAt = this.#stableAt(streak);
    if (stableAt === undefined) {
      return { how: "idle", at: idleAt(streak) + this.#visibility.missed(streak.newest) };
    }
    return { how: runningSince(streak) === quietSince(streak) ? "stable" : "quiet", at: stableAt };
  }

  /** How long a run must last to resolve the streak. */
  stableAfter(streak: FailureStreak): Nanoseconds {
    return stableAfterOf(streak, this.#thresholds.stableAfter);
  }

  /** A resolved streak is kept, so that redelivered events do not count again, and for its last notification. */
  forgottenAt({ notified, newest }: FailureStreak): Nanoseconds {
    return later(
      newest + idleTimeout,
      notified === undefined ? newest : notified.at + this.#thresholds.notificationInterval,
    );
  }

  /** When the current run is stable; undefined if it would have been before the last failure. Times in which events
   * can be lost do not count: nobody knows that it ran. */
  #stableAt(streak: FailureStreak): Nanoseconds | undefined {
    const since = quietSince(streak);
    const failedAt = streak.log.at(-1)?.time;
    if (since === undefined || failedAt === undefined) return undefined;
    const stableAt = since + this.stableAfter(streak) + this.#visibility.lost(since);
    return stableAt > failedAt ? stableAt : undefined;
  }
}

/** When a task that does not run has been idle for too long. */
function idleAt({ log, newest }: FailureStreak): Nanoseconds {
  const [before, last] = log.slice(-2);
  const pause = before === undefined || last === undefined ? 0n : last.time - before.time;
  return newest + later(idleTimeout, 3n * pause);
}
