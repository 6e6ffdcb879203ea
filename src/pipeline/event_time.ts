// The clock of events over a restart of the program: where the state keeps it, and what of it is taken for true.
import { inSeconds } from "./clock_warnings.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import type { Rule } from "../detection/rule.ts";
import { latestEventTime, wallClock } from "../lib/time.ts";

/** Under this key the state keeps it. */
export const eventClockNote = "clock of events";

/** Where the clock of events goes on; undefined where it begins with the first event. One that is ahead of the wall's
 * followed a node that was ahead, and is set back. */
export function keptEventTime(
  { store, rule, log }: { readonly store: StateStore; readonly rule: Rule; readonly log: Log },
): Nanoseconds | undefined {
  const kept = store.kept.checkpoint().get(eventClockNote);
  if (kept === undefined) return undefined;
  const time = BigInt(kept);
  if (time <= latestEventTime()) return time;
  const now = wallClock();
  log.warning(
    "State: the time of its events is ahead by {ahead}, of a clock that was wrong: it is set back",
    {
      ahead: inSeconds(time - now),
    },
  );
  rule.clockSetBack(now, time);
  return now;
}
