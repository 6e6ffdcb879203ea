// What the rule `failures` reports to the state, and what it resumes from.
import type { JobSettingsState, KeptJobs, KeptJobSettings } from "../jobs/job_settings.ts";
import type { FailureStreak } from "./streak.ts";

/** What the rule `failures` reports to. */
export interface FailuresState extends JobSettingsState {
  /** A streak under the text of its key; undefined forgets it. */
  put(table: "streaks", key: string, streak: FailureStreak | undefined): void;
  put(table: "job settings", key: string, settings: KeptJobSettings | undefined): void;
}

/** What was kept of its reports. */
export interface KeptFailures extends KeptJobs {
  entries(table: "streaks"): Iterable<readonly [key: string, streak: FailureStreak]>;
  entries(table: "job settings"): Iterable<readonly [key: string, settings: KeptJobSettings]>;
}
