// What the rule `failures` reports so that it is kept, and what it resumes from.
import type { FailureStreak } from "./streak.ts";

/** Takes what the rule `failures` reports. */
export interface FailuresState {
  /** A streak; undefined when it is forgotten. */
  streak(name: string, streak: FailureStreak | undefined): void;
}

/** What was kept of that. */
export interface KeptFailures {
  streaks(): Iterable<readonly [name: string, streak: FailureStreak]>;
}
