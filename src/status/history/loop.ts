// A loop of the history, and how many of them are kept.
import type { AlertContext } from "../../detection/alert/details.ts";
import type { Viewed } from "../api/job_groups.ts";
import type { LoopView } from "../view.ts";
import type { TaskHistory } from "./task_history.ts";

/** How much is kept. */
export interface Bounds {
  /** Active loops; as many again that Nomad has given up. */
  readonly looping: number;
  readonly resolved: number;
  /** Keys that failed within the hour and do not loop. */
  readonly failing: number;
  /** Events of all loops together, unless each has only ten; 200 of one loop. */
  readonly events: number;
}

/** The bounds of the program. */
export const defaultBounds: Bounds = { looping: 10_000, resolved: 1_000, failing: 10_000, events: 100_000 };

/** A loop that was notified. */
export interface Loop extends Viewed {
  readonly id: string;
  readonly name: string;
  readonly history: TaskHistory;
  /** It was notified before the start: earlier events are those that the state kept. */
  readonly restored: boolean;
  /** Count, times and status are up to date; for an active loop, `LoopHistory.view` asks the rule for the rest. */
  view: LoopView;
  /** What was asked about it last. */
  context?: AlertContext | undefined;
}

/** Drops the oldest entries above `max` and returns them. */
export function dropOldest(loops: Map<string, Loop>, max: number): Loop[] {
  const dropped: Loop[] = [];
  for (const [key, loop] of loops) {
    if (loops.size <= max) break;
    loops.delete(key);
    dropped.push(loop);
  }
  return dropped;
}
