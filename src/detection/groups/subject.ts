// What a loop is of, as groups see it: one task of a task group of a job, and the node that it runs on. No clock, no I/O.
import type { Alert } from "../alert/alert.ts";
import { detailsOf, lastUpdateOf } from "../alert/details_of.ts";

/** What a loop is of. */
export interface Subject {
  /** Namespace, job, task group and task as one text, no two the same: what the loops of one group share. */
  readonly key: string;
  /** The same for a person: `shop/web.app/server`. */
  readonly title: string;
  /** Namespace and job: three tasks of one job are one job. */
  readonly job: string;
  readonly node: { readonly ID: string; readonly Name?: string };
}

/** The subject of an alert. The rule `restarts` knows no namespace unless the source says it, and no task of the loop:
 * that of its last restart stands for it. */
export function subjectOf(alert: Alert): Subject {
  const { Key, Node } = detailsOf(alert);
  const { Namespace, JobID = "", TaskGroup = "" } = Key;
  const parent = JobID.replace(childOf, "");
  const task = Key.Task ?? lastUpdateOf(alert).task;
  const job = JSON.stringify([Namespace ?? "", parent]);
  const group = TaskGroup === "" ? "" : `.${TaskGroup}`;
  return {
    key: JSON.stringify([Namespace ?? "", parent, TaskGroup, task]),
    title: `${Namespace === undefined ? "" : `${Namespace}/`}${parent}${group}${
      task === "" ? "" : `/${task}`
    }`
      .toWellFormed(),
    job,
    node: Node,
  };
}

/** What Nomad appends to the ID of a periodic or parameterized job for its children. */
const childOf = /\/(?:periodic|dispatch)-[^/]+$/;
