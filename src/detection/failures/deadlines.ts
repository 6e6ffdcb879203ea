// When time alone decides about a streak: when its loop may be notified, when it resolves, when it is forgotten.
// No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { later, maxTime } from "../../lib/time.ts";
import type { Visibility } from "../visibility.ts";
import type { JobSettings } from "../jobs/job_settings.ts";
import { flaps, quietSince, stableAfterOf } from "./flapping.ts";
import { type FailureStreak, isShown, runningSince } from "./streak.ts";

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

/** The deadlines of streaks, by the thresholds, by what their jobs ask for, and by what the source has shown. */
export class Deadlines {
  readonly #thresholds: FailuresThresholds;
  readonly #jobs: JobSettings;
  readonly #visibility: Visibility;

  constructor(thresholds: FailuresThresholds, jobs: JobSettings, visibility: Visibility) {
    this.#thresholds = thresholds;
    this.#jobs = jobs;
    this.#visibility = visibility;
  }

  /** Whether its failures are enough. */
  isLoop({ key, failures }: FailureStreak): boolean {
    return failures >= (this.#jobs.of(key).restartCount ?? this.#thresholds.restartCount);
  }

  /** The minimum time between its notifications. */
  notificationInterval({ key }: FailureStreak): Nanoseconds {
    return this.#jobs.of(key).notificationInterval ?? this.#thresholds.notificationInterval;
  }

  /** From when on a failure notifies. After a resolution that was sent, a new loop notifies at once; and so does one
   * that begins after a loop of which no sink knows. A loop that sinks must not get now waits until they may. */
  mayNotifyAt(streak: FailureStreak): Nanoseconds {
    const { key, notified } = streak;
    if (notified === undefined || (notified.resolved && (notified.resolvedSent || notified.muted))) {
      return -maxTime;
    }
    const notifyAt = notified.muted ? -maxTime : notified.at + this.notificationInterval(streak);
    return isShown(streak) ? later(notifyAt, this.#jobs.mutedUntil(key)) : notifyAt;
  }

  /** When the streak notifies if nothing else happens. A flapping loop does not repeat while it is quiet. */
  notifyAt(streak: FailureStreak): Nanoseconds {
    if (!this.isLoop(streak)) return maxTime;
    const notifyAt = this.mayNotifyAt(streak);
    const since = flaps(streak) ? quietSince(streak) : undefined;
    return since !== undefined && notifyAt >= since + this.#stableAfterUnflapped(streak) ? maxTime : notifyAt;
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
    return stableAfterOf(streak, this.#stableAfterUnflapped(streak));
  }

  #stableAfterUnflapped({ key }: FailureStreak): Nanoseconds {
    return this.#jobs.of(key).stableAfter ?? this.#thresholds.stableAfter;
  }

  /** A resolved streak is kept, so that redelivered events do not count again, and for its last notification. */
  forgottenAt(streak: FailureStreak): Nanoseconds {
    const { notified, newest } = streak;
    return later(
      newest + idleTimeout,
      notified === undefined ? newest : notified.at + this.notificationInterval(streak),
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
