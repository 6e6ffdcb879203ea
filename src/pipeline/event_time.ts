// Restores the clock of events from the state when the program starts.
import { inSeconds } from "./clock_warnings.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import type { Rule } from "../detection/rule.ts";
import { latestEventTime, wallClock } from "../lib/time.ts";

/** Key of the checkpoint with the time of that clock. */
export const eventClockKey = "clock of events";

/** The saved time; undefined if the clock starts with the first event. A time ahead of the wall clock came from a node
 * whose clock was ahead: it is set back. */
export function keptEventTime(
  { store, rule, log }: { readonly store: StateStore; readonly rule: Rule; readonly log: Log },
): Nanoseconds | undefined {
  const kept = store.kept.checkpoint().get(eventClockKey);
  if (kept === undefined) return undefined;
  const time = BigInt(kept);
  if (time <= latestEventTime()) return time;
  const now = wallClock();
  log.warning(
    "State: the time of its events is ahead by {ahead}, from a clock that was wrong: it is set back",
    {
      ahead: inSeconds(time - now),
    },
  );
  rule.clockSetBack(now, time);
  return now;
}
