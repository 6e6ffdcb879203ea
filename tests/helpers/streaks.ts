// Streaks of failed runs, made of updates.
import { type FailureStreak, newStreak } from "../../src/detection/failures/streak.ts";
import { type Step, take } from "../../src/detection/failures/take_event.ts";
import { at, decoded, restarting, type TaskUpdate, taskUpdate } from "./runs.ts";

const minutes = 60_000_000_000n;
export const stableAfter = 10n * minutes;

/** Takes updates into a streak. Returns what each did. */
export function takeAll(streak: FailureStreak, updates: readonly string[]): Step[] {
  return updates.map((update) => take(streak, decoded(update), stableAfter));
}

/** The streak that these updates make; the first is a failure. */
export function streakOf(...updates: readonly string[]): FailureStreak {
  const streak = newStreak(decoded(updates[0]!));
  takeAll(streak, updates);
  return streak;
}

/** A streak of one failure. */
export const failedOnce = (): FailureStreak => streakOf(restarting(at(1)));

/** Another allocation. */
export const a2: TaskUpdate = { allocation: "a2" };

/** An event `Restart Signaled`, at 21 s. */
export const signaled = (message: string, reason: string): string =>
  taskUpdate({
    type: "Restart Signaled",
    time: at(21),
    event: { DisplayMessage: message, RestartReason: reason, Details: { restart_reason: reason } },
  });

/** An event of this type that says what is wrong, at 21 s. */
export const failure = (type: string, message: string, of: TaskUpdate = {}): string =>
  taskUpdate({ ...of, type, time: at(21), event: { DisplayMessage: message } });

/** The fields of an update whose run began then. */
export const begun = (text: string): Pick<TaskUpdate, "fields"> => ({ fields: { TaskStartedAt: text } });
/** Begun at `at(0)`. */
export const since0342: Pick<TaskUpdate, "fields"> = begun("2026-11-24T03:42:54Z");
