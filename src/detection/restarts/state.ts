// What the rule `restarts` reports to the state, and what it resumes from.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { JobSettingsState, KeptJobs, KeptJobSettings } from "../jobs/job_settings.ts";
import type { Counted } from "./windows.ts";

/** The last notification about a key, for as long as it delays the next one. */
export interface Notified {
  /** When it was last sent; a repeat counts from the nanosecond at which it was due. */
  readonly notifiedAt: Nanoseconds;
  /** Id of the first alert, and how many repeats followed. */
  readonly id: string;
  readonly repeats: number;
  /** The update of the last restart, for the repeat. */
  readonly lastEvent: string;
}

/** What the rule `restarts` reports to. */
export interface RestartsState extends JobSettingsState {
  /** A restart of this key entered its window. */
  counted(name: string, restart: Counted): void;
  /** A restart of this key was dropped before its time. */
  dropped(name: string, restart: Counted): void;
  /** The last notification about this key; undefined when it no longer counts. */
  notified(name: string, notified: Notified | undefined): void;
  /** The active loop of this key is one of which no sink got an alert; undefined when that is over. */
  put(table: "muted", name: string, muted: true | undefined): void;
  put(table: "job settings", key: string, settings: KeptJobSettings | undefined): void;
}

/** What was kept of its reports. */
export interface KeptRestarts extends KeptJobs {
  /** In order of arrival. */
  restarts(): Iterable<readonly [name: string, restart: Counted]>;
  notified(): Iterable<readonly [name: string, notified: Notified]>;
  entries(table: "muted"): Iterable<readonly [name: string, muted: true]>;
  entries(table: "job settings"): Iterable<readonly [key: string, settings: KeptJobSettings]>;
}
