// What any alert says, whichever rule made it: the only place that reads an alert's update again.
import type { Nanoseconds } from "../../lib/duration.ts";
import { type Fields, isObject, textOf } from "../decode/fields.ts";
import { readUpdate } from "../decode/update.ts";
import { restartsDetails } from "../restarts/details.ts";
import type { Alert } from "./alert.ts";
import type { AlertDetails } from "./details.ts";

/** The details of an alert: those of its rule, or what follows from a restart's update. */
export function detailsOf(alert: Alert): AlertDetails {
  return alert.details ?? { ...restartsDetails(alert), ...alert.wishes };
}

/** What the update of an alert says beyond its details; texts are empty if it says nothing. */
export interface LastUpdate {
  readonly task: string;
  readonly allocation: string;
  /** Why the task was restarted. */
  readonly reason: string;
}

/** Reads the update of the last restart, or failed run. */
export function lastUpdateOf(alert: Alert): LastUpdate {
  const update = updateOf(alert);
  const event: Fields = isObject(update.TaskEvent) ? update.TaskEvent : {};
  return {
    task: textOf(update.TaskName),
    allocation: textOf(update.AllocationID),
    reason: textOf(event.RestartReason) || textOf(event.DisplayMessage),
  };
}

/** Its time, `TaskEvent.Time`; 0 of an update that cannot be read. */
export function lastTimeOf({ lastEvent }: Alert): Nanoseconds {
  const read = readUpdate(new TextEncoder().encode(lastEvent));
  return read.kind === "read" ? read.time : 0n;
}

/** The fields of that update; none of one that cannot be read. */
export function updateOf({ lastEvent }: Alert): Fields {
  try {
    const update: unknown = JSON.parse(lastEvent);
    return isObject(update) ? update : {};
  } catch {
    return {};
  }
}
