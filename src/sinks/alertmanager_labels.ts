// Alertmanager's words for a loop, as the sink `alertmanager` and the webhook's format of that name send them. Pure.
import type { Alert } from "../detection/alert/alert.ts";
import { detailsOf } from "../detection/alert/details_of.ts";

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** What identifies a loop: receivers distinguish alerts by nothing else. Sorted by name, without empty ones. */
export function labelsOf(alert: Alert, cluster: string | undefined, severity: string): Labels {
  const { Namespace, JobID, TaskGroup, Index, NodeID, Task } = detailsOf(alert).Key;
  const labels = {
    alertname: "NomadCrashLoop",
    cluster,
    group: TaskGroup,
    index: NodeID === undefined && Index !== undefined ? String(Index) : undefined,
    job: JobID,
    // What the rule counts by: so no two loops are one alert, whatever the rest says.
    name: alert.name,
    namespace: Namespace,
    node: NodeID,
    severity,
    task: Task,
  };
  return Object.fromEntries(Object.entries(labels).filter((label): label is [string, string] => !!label[1]));
}

/** Maximum characters of an annotation. */
export const maxAnnotation = 1000;

/** The annotation of a fact or a link: `last_exit` for `Last exit`. */
export function annotationOf(label: string): string {
  return label.toLowerCase().replaceAll(" ", "_");
}
