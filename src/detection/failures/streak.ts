// The consecutive failed runs of one task, as plain data. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Key } from "../decode/task_key.ts";
import type { Exit, RunEvent } from "../event.ts";

/** How a run ended. */
export interface Ended extends Exit {
  readonly time: Nanoseconds;
  /** How long the process ran. */
  readonly runtime: Nanoseconds | undefined;
  /** Nomad ended it. */
  readonly killed: boolean;
}

/** The last run in an allocation, as far as events showed it. */
export interface Run {
  readonly allocation: string;
  /** Nomad's create index of the allocation; 0 if it is not known. */
  readonly createIndex: number;
  /** The allocation's newest event: an event that is not newer was redelivered. */
  newest: Nanoseconds;
  startedAt?: Nanoseconds | undefined;
  ended?: Ended | undefined;
  /** Nomad is about to end it. */
  killing?: boolean;
  /** What was wrong, if Nomad said so. */
  cause?: string | undefined;
}

/** A failure that an event showed. */
export interface Failure {
  readonly time: Nanoseconds;
  readonly identity: number;
  /** The end of its allocation: whatever else fails in it is the same failure. */
  readonly last?: boolean;
}

/** The notifications of a streak. */
export interface StreakNotice {
  readonly id: string;
  repeats: number;
  /** When it was last notified. */
  at: Nanoseconds;
  /** The notified loop is resolved. */
  resolved: boolean;
  /** Its resolution was sent too. */
  resolvedSent?: boolean;
  /** The first notifications of this task's last loops, as far as they are within the notification interval. */
  begun?: readonly Nanoseconds[];
  /** Since when it flaps, and since when a completed run keeps it quiet. */
  flappingSince?: Nanoseconds;
  quietSince?: Nanoseconds;
  /** No sink has got an alert about the loop: its job, or a setting, did not want that. */
  muted?: true;
  /** The sinks that got alerts about it; all of them if it is absent. */
  sinks?: readonly string[];
  /** Nomad makes no further attempt. This was notified, and stays until somebody stops the job or runs it again. */
  gaveUp?: true;
}

/** A task whose runs failed. All of it is plain data, and kept. */
export interface FailureStreak {
  readonly key: Key;
  /** Consecutive failed runs, and of them those that no event showed. */
  failures: number;
  missed: number;
  /** The first failure of the streak, and the newest event. */
  since: Nanoseconds;
  newest: Nanoseconds;
  /** By allocation; the last is that in which a run last began or failed. */
  runs: Run[];
  /** Nothing up to this time counts: a streak ended there. */
  clearedAt?: Nanoseconds;
  /** The failures that events showed, by time; the newest `maxLogged`. */
  log: Failure[];
  /** How the last failed run ended, and why. */
  ended?: Ended | undefined;
  cause?: string;
  /** When Nomad tries again. */
  nextAttempt?: Nanoseconds | undefined;
  node: RunEvent["node"];
  /** The last events of any meaning, in order of arrival. */
  events: { readonly Time: Nanoseconds; readonly Type: string; readonly DisplayMessage: string }[];
  /** The update of the last failure. */
  lastEvent: string;
  notified?: StreakNotice;
}

/** Failures of a streak that are kept one by one. */
export const maxLogged = 100;

/** A streak for a task whose first failure is about to be taken. */
export function newStreak({ key, time, node }: RunEvent): FailureStreak {
  return {
    key,
    failures: 0,
    missed: 0,
    since: time,
    newest: time,
    runs: [],
    log: [],
    node,
    events: [],
    lastEvent: "",
  };
}

/** Ends the streak: what was counted up to then counts no longer. */
export function clear(streak: FailureStreak, at: Nanoseconds): void {
  streak.failures = 0;
  streak.missed = 0;
  streak.log = [];
  streak.nextAttempt = undefined;
  if (streak.clearedAt === undefined || at > streak.clearedAt) streak.clearedAt = at;
  if (streak.notified !== undefined) streak.notified.resolved = true;
}

/** When the current run began; undefined if none is known to run. */
export function runningSince({ runs }: FailureStreak): Nanoseconds | undefined {
  const run = runs.at(-1);
  return run?.ended === undefined ? run?.startedAt : undefined;
}

/** Whether its loop was notified and is not resolved or given up. */
export function isActive({ notified }: FailureStreak): boolean {
  return notified !== undefined && !notified.resolved && notified.gaveUp !== true;
}

/** Whether its loop is active, or was given up. */
export function isShown(streak: FailureStreak): boolean {
  return isActive(streak) || hasGivenUp(streak);
}

/** Whether Nomad makes no further attempt. */
export function hasGivenUp({ notified }: FailureStreak): boolean {
  return notified?.gaveUp === true;
}
