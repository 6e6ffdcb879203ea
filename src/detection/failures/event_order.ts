// Which events of a task are old, late or news: they are redelivered after an outage, and nodes have clocks of their own.
// No clock, no I/O.
import type { RunEvent } from "../event.ts";
import { type FailureStreak, maxLogged, type Run, runningSince } from "./streak.ts";

/** Allocations of a task whose last run is kept. */
const maxRuns = 10;

/** Types of events that only the task's current allocation has. */
const saysAlive = new Set(["Received", "Started", "Restarting", "Not Restarting"]);

/** Whether the event, newer than all that is known of the streak, shows its task alive. */
export function isNewsOfLife(streak: FailureStreak, { type, time }: RunEvent): boolean {
  return time > streak.newest && saysAlive.has(type);
}

/** Whether a run failed. */
export function isFailure({ meaning }: RunEvent): boolean {
  return meaning === "failed" || meaning === "failing";
}

/** Whether the event says nothing new. Late failures count, late starts say nothing about now; a redelivered event can
 * be the first to show that its allocation is to stop. */
export function isOld(streak: FailureStreak, event: RunEvent): boolean {
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

/** The run in the event's allocation. It becomes the last if the event is news and shows the task alive in it. */
export function runOf(streak: FailureStreak, event: RunEvent): Run {
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
 * Whether a younger allocation than the event's is known. Without create indexes the order of arrival decides, since
 * nodes have clocks of their own: then only an event from before the current run is late.
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
