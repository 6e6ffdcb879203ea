// The failed runs of one task in a row: what each event does to it. No clock, no I/O.
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
  /** Nomad's index of its making, 0 where that is not known. */
  readonly createIndex: number;
  /** The allocation's newest event: what is not newer came again. */
  newest: Nanoseconds;
  startedAt?: Nanoseconds | undefined;
  ended?: Ended | undefined;
  /** Nomad is about to end it. */
  killing?: boolean;
  /** What Nomad said was wrong, where it did. */
  cause?: string | undefined;
}

/** A failure that an event showed. */
export interface Failure {
  readonly time: Nanoseconds;
  readonly identity: number;
  /** The end of its allocation: what else fails in it is the same failure. */
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
  /** Nomad makes no further attempt. This was notified, and stays until somebody stops the job or runs it again. */
  gaveUp?: true;
}

/** A task whose runs failed. All of it is kept; it is plain data. */
export interface FailureStreak {
  readonly key: Key;
  /** Consecutive failed runs, and of them those that no event showed. */
  failures: number;
  missed: number;
  /** The first failure of the row, and the newest event. */
  since: Nanoseconds;
  newest: Nanoseconds;
  /** By allocation; at the end that in which a run began or failed last. */
  runs: Run[];
  /** Nothing from this time and before it counts: a row ended there. */
  clearedAt?: Nanoseconds;
  /** The failures that events showed, by time; the newest `maxLogged`. */
  log: Failure[];
  /** How the last failed run ended, and why. */
  ended?: Ended | undefined;
  cause?: string;
  /** Nomad tries again then. */
  nextAttempt?: Nanoseconds | undefined;
  node: RunEvent["node"];
  /** The last events, whatever they mean, in order of arrival. */
  events: { readonly Time: Nanoseconds; readonly Type: string; readonly DisplayMessage: string }[];
  /** The update of the last failure. */
  lastEvent: string;
  notified?: StreakNotice;
}

/** Of the failures of a row so many are remembered one by one. */
export const maxLogged = 100;
/** And so many events and allocations, and characters of what an event says. */
const maxEvents = 10;
const maxRuns = 10;
const maxWords = 500;

/** A row for a task whose first failure is about to be taken. */
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

/** What an event did to a row: `stable`, `completed` and `stopped` end it. */
export type Step = "noted" | "duplicate" | "failed" | "stable" | "completed" | "stopped";

/** Takes an event into its row. A run that lasted `stableAfter` breaks the row. */
export function take(streak: FailureStreak, event: RunEvent, stableAfter: Nanoseconds): Step {
  if (isOld(streak, event)) return isFailure(event) ? "duplicate" : "noted";
  const wasLast = streak.runs.at(-1)?.allocation === event.allocation;
  const run = runOf(streak, event);
  const isLast = streak.runs.at(-1) === run;
  remember(streak, run, event);
  if (isLast) streak.node = event.node;
  const step = isFailure(event)
    ? fail(streak, run, event, wasLast, stableAfter)
    : follow(streak, run, event, isLast, stableAfter);
  // A redelivered event of an earlier streak. Without a create index only the time shows that.
  const isBefore = event.createIndex === 0 && event.time < streak.since;
  return step !== "failed" && isBefore ? "noted" : step;
}

/** Takes an event that is no failure. Only the last allocation can end the row: one that was replaced is long in
 * stopping. */
function follow(
  streak: FailureStreak,
  run: Run,
  event: RunEvent,
  isLast: boolean,
  stableAfter: Nanoseconds,
): Step {
  const { type, meaning, time, displayMessage } = event;
  switch (meaning) {
    case "started":
      start(run, time);
      if (isLast) streak.nextAttempt = undefined;
      return "noted";
    case "exited":
    case "completed":
      return end(run, event, isLast, stableAfter);
    case "stopped":
      start(run, undefined);
      return isLast ? "stopped" : "noted";
    default:
      if (type === "Restarting") start(run, undefined);
      if (type === "Killing" || type === "Restart Signaled") run.killing = true;
      if (saysWhy.has(type)) run.cause = cut(displayMessage);
      return "noted";
  }
}

/** Ends the streak: what was counted so far counts no longer. */
export function clear(streak: FailureStreak, at: Nanoseconds): void {
  streak.failures = 0;
  streak.missed = 0;
  streak.log = [];
  streak.nextAttempt = undefined;
  if (streak.clearedAt === undefined || at > streak.clearedAt) streak.clearedAt = at;
  if (streak.notified !== undefined) streak.notified.resolved = true;
}

/** When the run began that goes on. */
export function runningSince({ runs }: FailureStreak): Nanoseconds | undefined {
  const run = runs.at(-1);
  return run?.ended === undefined ? run?.startedAt : undefined;
}

/** Types of events that say what was wrong with a run that fails. */
const saysWhy = new Set([
  "Driver Failure",
  "Setup Failure",
  "Failed Validation",
  "Failed Artifact Download",
  "Task hook failed",
  "Disk Resources Exceeded",
  "Restart Signaled",
]);

/** Types of events that an allocation has while it is the one that its task is in. */
const saysAlive = new Set(["Received", "Started", "Restarting", "Not Restarting"]);

/** Whether the event, newer than all that is known of the row, shows its task alive. */
export function isNewsOfLife(streak: FailureStreak, { type, time }: RunEvent): boolean {
  return time > streak.newest && saysAlive.has(type);
}

function isFailure({ meaning }: RunEvent): boolean {
  return meaning === "failed" || meaning === "failing";
}

/** Events are redelivered after an outage, or arrive late: a late failure counts, a late start says nothing about
 * now. A redelivered event can be the first to show that its allocation is to stop. */
function isOld(streak: FailureStreak, event: RunEvent): boolean {
  const { time, identity, meaning, allocation } = event;
  if (streak.clearedAt !== undefined && time <= streak.clearedAt) return true;
  if (meaning === "stopped") return false;
  if (!isFailure(event)) {
    const run = streak.runs.find((run) => run.allocation === allocation);
    if (run !== undefined) return time <= run.newest;
    return streak.log.some((logged) => logged.identity === identity && time <= logged.time);
  }
  if (streak.log.length >= maxLogged && time < streak.log[0]!.time) return true;
  return streak.log.some((logged) =>
    logged.identity === identity && (time === logged.time || logged.last === true && time > logged.time)
  );
}

/** The run in the event's allocation. It becomes the last where the event is news of a task that lives in it. */
function runOf(streak: FailureStreak, event: RunEvent): Run {
  const { runs } = streak;
  const { allocation, createIndex, time } = event;
  const at = runs.findIndex((run) => run.allocation === allocation);
  const run: Run = runs[at] ?? { allocation, createIndex, newest: time };
  const isAlive = saysAlive.has(event.type) || event.meaning === "failing";
  const isNews = at < 0 || isFailure(event) || time > run.newest;
  if (isAlive && isNews && !isLate(streak, event)) {
    if (at >= 0) runs.splice(at, 1);
    runs.push(run);
  } else if (at < 0) runs.unshift(run);
  if (runs.length > maxRuns) runs.shift();
  return run;
}

/**
 * Whether an allocation younger than the event's is known. Where nothing says how old they are, it goes by the order
 * of arrival, since nodes have clocks of their own; only what is older than the run that goes on came late.
 */
function isLate(streak: FailureStreak, { createIndex, time }: RunEvent): boolean {
  const last = streak.runs.at(-1);
  // A cluster that was set up from scratch counts from the beginning.
  if (createIndex > 0 && last !== undefined && last.createIndex > 0) {
    return createIndex < last.createIndex && time <= streak.newest;
  }
  const running = runningSince(streak);
  return running !== undefined && time < running;
}

function remember(streak: FailureStreak, run: Run, { time, type, displayMessage }: RunEvent): void {
  const last = streak.events.at(-1);
  if (last?.Time !== time || last.Type !== type) {
    streak.events.push({ Time: time, Type: type, DisplayMessage: cut(displayMessage) });
  }
  if (streak.events.length > maxEvents) streak.events.shift();
  if (time > streak.newest) streak.newest = time;
  if (time > run.newest) run.newest = time;
}

function cut(text: string): string {
  return text.length > maxWords ? `${text.slice(0, maxWords)}…`.toWellFormed() : text;
}

function start(run: Run, at: Nanoseconds | undefined): void {
  run.startedAt = at;
  run.ended = undefined;
  run.killing = false;
  run.cause = undefined;
}

function end(run: Run, { time, meaning, exit }: RunEvent, isLast: boolean, stableAfter: Nanoseconds): Step {
  const killed = run.killing === true;
  const runtime = run.startedAt === undefined ? undefined : time - run.startedAt;
  run.ended = { ...exit!, time, runtime, killed };
  run.killing = false;
  if (!isLast) return "noted";
  if (runtime !== undefined && runtime >= stableAfter) return "stable";
  return meaning === "completed" && !killed ? "completed" : "noted";
}

function fail(
  streak: FailureStreak,
  run: Run,
  event: RunEvent,
  wasLast: boolean,
  stableAfter: Nanoseconds,
): Step {
  const { time, identity, meaning, missed } = event;
  const newest = streak.log.at(-1);
  // What is known of the run is of a later one then.
  const isLate = run.startedAt !== undefined && run.startedAt > time;
  const { startedAt = startedBefore(streak, event), ended, cause } = isLate ? {} as Partial<Run> : run;
  if (!isLate) start(run, undefined);
  if (startedAt !== undefined && (ended?.time ?? time) - startedAt >= stableAfter) {
    // A run that lasted while others failed is on another node or in another namespace that the key does not name.
    return wasLast || newest === undefined || startedAt > newest.time ? "stable" : "noted";
  }
  if (streak.failures === 0 || time < streak.since) streak.since = time;
  streak.failures += 1 + missed;
  streak.missed += missed;
  streak.log.push({ time, identity, ...(meaning === "failing" ? { last: true } : {}) });
  if (newest === undefined || time >= newest.time) {
    streak.lastEvent = event.update;
    streak.ended = ended;
    streak.cause = cause ?? (meaning === "failing" ? cut(event.displayMessage) : "");
    streak.nextAttempt = runningSince(streak) === undefined ? event.nextAttempt : undefined;
  } else streak.log.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  if (streak.log.length > maxLogged) streak.log.shift();
  return "failed";
}

/** When the failed run began, as the update says; not where that is the run before it, which has been judged. */
function startedBefore(
  streak: FailureStreak,
  { startedAt, time, identity }: RunEvent,
): Nanoseconds | undefined {
  if (startedAt === undefined || startedAt > time) return undefined;
  if (streak.clearedAt !== undefined && startedAt <= streak.clearedAt) return undefined;
  const isJudged = streak.log.some((logged) => logged.identity === identity && logged.time >= startedAt);
  return isJudged ? undefined : startedAt;
}
