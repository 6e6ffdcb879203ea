// The key that the rule `failures` counts by: it identifies a task. And its text.
import { type Fields, textOf } from "./fields.ts";

/** Identifies a task for as long as its job lives. */
export interface Key {
  /** Only the source `nomad` says it. */
  readonly Namespace?: string;
  /** A periodic job's children count for their parent, dispatched ones for themselves. */
  readonly JobID: string;
  readonly TaskGroup: string;
  /** The number in the brackets of the allocation's name. */
  readonly Index: number;
  readonly Task: string;
  /** Of a system job, which has one allocation on every node. */
  readonly NodeID?: string;
}

/** The key of an update whose allocation has this name. */
export function keyOf(update: Fields, name: string): Key {
  const { Namespace, JobType } = update;
  const ofSystem = JobType === "system" || JobType === "sysbatch";
  const [, job, group, index] = /^(.*)\.([^.]*)\[([0-9]{1,9})\]$/s.exec(name) ?? [];
  return {
    ...(typeof Namespace === "string" ? { Namespace } : {}),
    JobID: (textOf(update.JobID) || (job ?? name)).replace(/\/periodic-[0-9]+$/, ""),
    TaskGroup: textOf(update.GroupName) || (group ?? ""),
    Index: Number(index ?? 0),
    Task: textOf(update.TaskName),
    ...(ofSystem ? { NodeID: textOf(update.NodeID) } : {}),
  };
}

/** The key as one text, no two keys the same: `namespace/job.group[0]/task`, with `@node` for a system job. */
export function nameOf({ Namespace, JobID, TaskGroup, Index, Task, NodeID }: Key): string {
  const namespace = Namespace === undefined ? "" : `${Namespace}/`;
  const node = NodeID === undefined ? "" : `@${NodeID}`;
  return `${namespace}${JobID}.${part(TaskGroup)}[${Index}]/${part(Task)}${node}`.toWellFormed();
}

/** What the names of a task have in common in all of its allocations: before the index, and after it without the node.
 * `namespace/job.group` and `/task`; of an allocation's name `job.group` and nothing. */
export function aroundIndex(name: string, key: Partial<Key>): readonly [before: string, after: string] {
  const task = key.Task === undefined ? "" : `/${part(key.Task)}`.toWellFormed();
  const at = key.NodeID === undefined ? -1 : name.lastIndexOf("@");
  const whole = at < 0 ? name : name.slice(0, at);
  const after = whole.endsWith(task) ? task : "";
  const before = whole.slice(0, whole.length - after.length);
  const index = /\[\d+\]$/.exec(before);
  return index === null ? [name, ""] : [before.slice(0, index.index), after];
}

/** In quotes if it could be taken for more than one part. A job's name may be anything: it is what is left. */
function part(text: string): string {
  return /["./@[\]]/.test(text) ? JSON.stringify(text) : text;
}
