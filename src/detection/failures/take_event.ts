// What each event does to the failed runs of its task. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { RunEvent } from "../event.ts";
import { isFailure, isOld, runOf } from "./event_order.ts";
import { type FailureStreak, maxLogged, type Run, runningSince } from "./streak.ts";

/** Events of a task that are kept, and characters of what an event says. */
const maxEvents = 10;
const maxWords = 500;

/** What an event did to a streak: `stable`, `completed` and `stopped` end it. */
export type Step = "noted" | "duplicate" | "failed" | "stable" | "completed" | "stopped";

/** Takes an event into its streak. A run that lasted `stableAfter` ends the streak. */
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

/** Takes an event that is no failure. Only the last allocation can end the streak: a replaced allocation may take a
 * while to stop. */
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
  // Then what is known of the run belongs to a later one.
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

/** When the failed run began, as the update says; undefined if that is the run before it, which was judged already. */
function startedBefore(
  streak: FailureStreak,
  { startedAt, time, identity }: RunEvent,
): Nanoseconds | undefined {
  if (startedAt === undefined || startedAt > time) return undefined;
  if (streak.clearedAt !== undefined && startedAt <= streak.clearedAt) return undefined;
  const isJudged = streak.log.some((logged) => logged.identity === identity && logged.time >= startedAt);
  return isJudged ? undefined : startedAt;
}
