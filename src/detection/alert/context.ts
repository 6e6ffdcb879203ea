// What a source is asked about the loop of an alert before it is sent, and the alert with the answer. No I/O.
import { textOf } from "../decode/fields.ts";
import type { Alert } from "./alert.ts";
import type { AlertContext } from "./details.ts";
import { detailsOf, updateOf } from "./details_of.ts";

/** The task that fails, as Nomad knows it. */
export interface ContextRequest {
  readonly namespace: string;
  /** Of a periodic job, the child that ran. */
  readonly job: string;
  readonly group: string;
  readonly task: string;
  /** Where it failed last. */
  readonly allocation: string;
}

/** Whether an alert is about a loop that goes on, or was given up, of a job that is known: then its context says why.
 * Of loops of several jobs, what is known of one says nothing about the others. */
export function hasContext(alert: Alert): boolean {
  const { reason, group } = alert;
  if (reason === "resolved" || (group !== undefined && group.cause !== "job")) return false;
  return contextRequestOf(alert).job !== "";
}

/** What to ask about the loop of an alert; of a group, about the loop that speaks for it. */
export function contextRequestOf(alert: Alert): ContextRequest {
  const update = updateOf(alert);
  const { Key } = detailsOf(alert);
  return {
    namespace: textOf(update.Namespace) || Key.Namespace || "default",
    job: textOf(update.JobID) || Key.JobID || "",
    group: textOf(update.GroupName) || Key.TaskGroup || "",
    task: textOf(update.TaskName) || Key.Task || "",
    allocation: textOf(update.AllocationID),
  };
}

/** The alert with what was found out about its loop. */
export function withContext(alert: Alert, context: AlertContext): Alert {
  return { ...alert, details: { ...detailsOf(alert), ...context } };
}
