// What the payload `full` says of a loop of the rule `restarts`. Computed on demand, since it parses the update.
import type { Alert } from "../alert/alert.ts";
import { type AlertDetails, clock, often } from "../alert/details.ts";
import { type Fields, textOf } from "../decode/fields.ts";
import { keyOf } from "../decode/task_key.ts";
import { readUpdate } from "../decode/update.ts";
import { formatTime } from "../../lib/time.ts";

/** The details of an alert of the rule `restarts`: what its last event and its times say. */
export function restartsDetails(
  { lastEvent, eventLog, loop, reason }: Pick<Alert, "lastEvent" | "eventLog" | "loop" | "reason">,
): AlertDetails {
  const read = readUpdate(new TextEncoder().encode(lastEvent));
  const nothing: Fields = {};
  const { update, event, time } = read.kind === "read" ? read : { update: nothing, event: nothing, time: 0n };
  const times = eventLog.length > 0 ? eventLog : [time];
  const since = times.reduce((a, b) => (a < b ? a : b));
  const newest = times.reduce((a, b) => (a > b ? a : b));
  const type = textOf(event.Type);
  const message = textOf(event.DisplayMessage) || type;
  const why = textOf(event.RestartReason) || message;
  const { Task: _, ...key } = keyOf(update, textOf(update.Name));
  return {
    Status: reason === "resolved" ? "resolved" : "looping",
    Rule: "restarts",
    Loop: loop,
    Key: { ...key, JobID: textOf(update.JobID) || key.JobID },
    Failures: eventLog.length,
    Missed: eventLog.length - new Set(eventLog).size,
    Since: formatTime(since),
    Reason: reason === "resolved"
      ? "it no longer restarts that often"
      : `restarted ${often(eventLog.length)} since ${clock(since, newest)}: ${why}`,
    Node: { ID: textOf(update.NodeID), ...(update.NodeName ? { Name: textOf(update.NodeName) } : {}) },
    Events: [{ Time: formatTime(time), Type: type, DisplayMessage: message }],
  };
}
