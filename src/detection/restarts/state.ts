// What the rule `restarts` reports to the state, and what it resumes from.
import type { Nanoseconds } from "../../lib/duration.ts";
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
export interface RestartsState {
  /** A restart of this key entered its window. */
  counted(name: string, restart: Counted): void;
  /** A restart of this key was dropped before its time. */
  dropped(name: string, restart: Counted): void;
  /** The last notification about this key; undefined when it no longer counts. */
  notified(name: string, notified: Notified | undefined): void;
}

/** What was kept of its reports. */
export interface KeptRestarts {
  /** In order of arrival. */
  restarts(): Iterable<readonly [name: string, restart: Counted]>;
  notified(): Iterable<readonly [name: string, notified: Notified]>;
}
