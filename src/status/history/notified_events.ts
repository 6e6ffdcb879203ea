// Fills the history of a loop with the events that its alert lists, if the detector has seen none since it started.
import type { Alert } from "../../detection/alert/alert.ts";
import { detailsOf } from "../../detection/alert/details_of.ts";
import { parseTime } from "../../lib/time.ts";
import type { TaskHistory } from "./task_history.ts";

/** Adds the events and times of an alert that are older than the history. */
export function addNotifiedEvents(history: TaskHistory, alert: Alert): void {
  if (history.times.length < alert.eventLog.length) {
    history.times.length = 0;
    for (const time of alert.eventLog) history.count(time);
  }
  const listed = detailsOf(alert).Events.map(({ Type, DisplayMessage, Time }) => ({
    time: parseTime(Time) ?? 0n,
    type: Type,
    message: DisplayMessage,
  }));
  history.addNotified(listed);
}
