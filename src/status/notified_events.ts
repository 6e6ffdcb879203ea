// The events that an alert lists, for the history of a loop of which the detector saw nothing since it started.
import type { Alert } from "../detection/alert/alert.ts";
import { restartsDetails } from "../detection/alert/details.ts";
import { readUpdate, textOf } from "../detection/decode/update.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { TaskHistory } from "./task_history.ts";

/** Adds the events and times of an alert that are older than the history. */
export function addNotifiedEvents(history: TaskHistory, alert: Alert): void {
  if (history.times.length < alert.eventLog.length) {
    history.times.length = 0;
    for (const time of alert.eventLog) history.count(time);
  }
  if (alert.details !== undefined) {
    const listed = alert.details.Events.map(({ Type, DisplayMessage, Time }) => ({
      time: timeOf(Time),
      type: Type,
      message: DisplayMessage,
    }));
    return history.addNotified(listed);
  }
  const [last] = restartsDetails(alert).Events;
  const read = readUpdate(new TextEncoder().encode(alert.lastEvent));
  if (last === undefined || read.kind === "malformed") return;
  history.addNotified([{ time: read.time, type: last.Type, message: textOf(last.DisplayMessage) }]);
}

/** The time that `formatTime` wrote. */
function timeOf(text: string): Nanoseconds {
  const [, seconds, fraction = "", zone] = /^([^.Z+]*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const whole = Date.parse(`${seconds}${zone}`);
  return (Number.isNaN(whole) ? 0n : BigInt(whole) * 1_000_000n) + BigInt(fraction.padEnd(9, "0"));
}
