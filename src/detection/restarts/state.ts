// What the rule `restarts` reports so that it is kept, and what it resumes from.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Counted } from "./windows.ts";

/** The last notification about a name, for as long as it silences the name. */
export interface Notified {
  /** When it was last sent; a repeat counts from the nanosecond at which it was due. */
  readonly notifiedAt: Nanoseconds;
  /** Id of the first alert, and how many repeats followed. */
  readonly id: string;
  readonly repeats: number;
  /** The update of the last restart, for the repeat. */
  readonly lastEvent: string;
}

/** Takes what the rule `restarts` reports. */
export interface RestartsState {
  /** A restart of this name entered its window. */
  counted(name: string, restart: Counted): void;
  /** A restart of this name was dropped before its time. */
  dropped(name: string, restart: Counted): void;
  /** The last notification about this name; undefined when it no longer counts. */
  notified(name: string, notified: Notified | undefined): void;
}

/** What was kept of that. */
export interface KeptRestarts {
  /** In order of arrival. */
  restarts(): Iterable<readonly [name: string, restart: Counted]>;
  notified(): Iterable<readonly [name: string, notified: Notified]>;
}
