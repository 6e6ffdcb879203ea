// Corrects the times of a streak that a clock left which was ahead. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Ended, FailureStreak } from "./streak.ts";

/** The clock, which was ahead until `from`, is at `now`: what is of the time between happened by now. A time after
 * `from` is of a node that is ahead, and stays. Returns whether anything changed. */
export function setBack(streak: FailureStreak, now: Nanoseconds, from: Nanoseconds): boolean {
  let isChanged = false;
  const right = (time: Nanoseconds): Nanoseconds => {
    if (time <= now || time > from) return time;
    isChanged = true;
    return now;
  };
  const ended = (run: { ended?: Ended | undefined }) => {
    if (run.ended !== undefined) run.ended = { ...run.ended, time: right(run.ended.time) };
  };
  streak.since = right(streak.since);
  streak.newest = right(streak.newest);
  if (streak.clearedAt !== undefined) streak.clearedAt = right(streak.clearedAt);
  streak.log = streak.log.map((failure) => ({ ...failure, time: right(failure.time) }));
  streak.log.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  ended(streak);
  for (const run of streak.runs) {
    run.newest = right(run.newest);
    if (run.startedAt !== undefined) run.startedAt = right(run.startedAt);
    ended(run);
  }
  return isChanged;
}

/** A notification of a time after `now` delays the next one no longer than one of now. */
export function setNoticeBack({ notified }: FailureStreak, now: Nanoseconds): boolean {
  if (notified === undefined || notified.at <= now) return false;
  notified.at = now;
  return true;
}
