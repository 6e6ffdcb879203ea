// What the rule `failures` reports so that it is kept, and what it resumes from.
import type { FailureStreak } from "./streak.ts";

/** Takes what the rule `failures` reports. */
export interface FailuresState {
  /** A streak under the text of its key; undefined forgets it. */
  put(table: "streaks", key: string, streak: FailureStreak | undefined): void;
}

/** What was kept of that. */
export interface KeptFailures {
  entries(table: "streaks"): Iterable<readonly [key: string, streak: FailureStreak]>;
}
