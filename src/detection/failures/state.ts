// What the rule `failures` reports to the state, and what it resumes from.
import type { FailureStreak } from "./streak.ts";

/** What the rule `failures` reports to. */
export interface FailuresState {
  /** A streak under the text of its key; undefined forgets it. */
  put(table: "streaks", key: string, streak: FailureStreak | undefined): void;
}

/** What was kept of its reports. */
export interface KeptFailures {
  entries(table: "streaks"): Iterable<readonly [key: string, streak: FailureStreak]>;
}
