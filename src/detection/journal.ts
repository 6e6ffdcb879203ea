// What the rule reports so that it can be kept, and what it goes on from.
import type { Nanoseconds } from "../lib/duration.ts";
import type { FailureStreak } from "./failures/streak.ts";
import type { Counted } from "./restarts/windows.ts";

/** What was told about a name, for as long as that keeps it from being told. */
export interface Notified {
  /** When it was told last; a repeat is told at the nanosecond at which it was due. */
  readonly notifiedAt: Nanoseconds;
  /** Id of the first alert, and how many repeats followed. */
  readonly id: string;
  readonly repeats: number;
  /** The update of the last restart, for the repeat. */
  readonly lastEvent: string;
}

/** Takes what the rule `restarts` reports as it goes. */
export interface RestartJournal {
  /** A restart of this name entered its window. */
  counted(name: string, restart: Counted): void;
  /** A restart of this name was dropped before its time. */
  dropped(name: string, restart: Counted): void;
  /** What was told about this name; undefined where that counts no longer. */
  notified(name: string, notified: Notified | undefined): void;
}

/** What was kept of that. */
export interface KeptRestarts {
  /** In order of arrival. */
  restarts(): Iterable<readonly [name: string, restart: Counted]>;
  notified(): Iterable<readonly [name: string, notified: Notified]>;
}

/** Takes what the rule `loops` reports. */
export interface StreakJournal {
  /** A row; undefined where it is forgotten. */
  streak(name: string, row: FailureStreak | undefined): void;
}

/** What was kept of that. */
export interface KeptStreaks {
  streaks(): Iterable<readonly [name: string, row: FailureStreak]>;
}

/** Takes what any rule reports. */
export interface Journal extends RestartJournal, StreakJournal {}

/** What was kept of a journal. */
export interface Kept extends KeptRestarts, KeptStreaks {}
