// An update as the rule `loops` sees it: of which task it is, and what it says of a run of that task.
// What the events mean: Nomad's client/allocrunner/taskrunner and client/allocrunner/taskrunner/restarts.
import type { Nanoseconds } from "./duration.ts";
import type { RuleEvent } from "./rule.ts";
import {
  type Fields,
  identityOf,
  isIntended,
  isObject,
  type Malformed,
  notSeen,
  readUpdate,
  textOf,
} from "./update.ts";

/** What tells one task from all others, for as long as its job lives. */
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

/** What an event says of a run. */
export type Meaning =
  | "started"
  /** The process ended, for whatever reason; what that means says the next event. */
  | "exited"
  /** The run failed: so Nomad's own policy says. */
  | "failed"
  /** Nomad will fail the task once it is killed. */
  | "failing"
  /** All tasks did what they were to do. */
  | "completed"
  /** Somebody stopped the job, or there is no room for this allocation in it any more. */
  | "stopped"
  /** Nothing that counts: a restart that somebody asked for, a deploy, a drain, the death of a sibling. */
  | "nothing";

/** One update for the rule `loops`. */
export interface RunEvent extends RuleEvent {
  readonly kind: "event";
  readonly key: Key;
  readonly allocation: string;
  /** With `time` it tells the event from all others of its task. */
  readonly identity: number;
  readonly meaning: Meaning;
  readonly type: string;
  readonly displayMessage: string;
  /** Failed runs before this one that no event told of. */
  readonly notSeen: number;
  /** `TaskEvent`; the numbers in it are not exact. */
  readonly event: Fields;
  /** When the run began, where the update says so: in nanoseconds since the Unix epoch. */
  readonly startedAt: Nanoseconds | undefined;
  readonly node: { readonly ID: string; readonly Name: string };
  /** The update as it came. */
  readonly update: string;
}

/** Decodes one message for the rule `loops`. Never throws. */
export function decodeRun(body: Uint8Array): RunEvent | Malformed {
  const read = readUpdate(body);
  if (read.kind === "malformed") return read;
  const { update, event, type, time } = read;
  const key = keyOf(update, textOf(update.Name));
  const allocation = textOf(update.AllocationID);
  return {
    kind: "event",
    name: nameOf(key),
    key,
    time,
    allocation,
    identity: identityOf(allocation, type),
    meaning: meaningOf(update, event, type),
    type,
    displayMessage: textOf(event.DisplayMessage) || type,
    notSeen: notSeen(update),
    event,
    startedAt: startOf(textOf(update.TaskStartedAt)),
    node: { ID: textOf(update.NodeID), Name: textOf(update.NodeName) },
    update: read.text,
  };
}

/** The key as one text: `namespace/job.group[0]/task`, with `@node` for a system job. */
export function nameOf({ Namespace, JobID, TaskGroup, Index, Task, NodeID }: Key): string {
  const namespace = Namespace === undefined ? "" : `${Namespace}/`;
  const node = NodeID === undefined ? "" : `@${NodeID}`;
  return `${namespace}${JobID}.${TaskGroup}[${Index}]/${Task}${node}`.toWellFormed();
}

function keyOf(update: Fields, name: string): Key {
  const { Namespace, JobType } = update;
  const ofSystem = JobType === "system" || JobType === "sysbatch";
  const [, index = "0"] = /\[([0-9]{1,9})\]$/.exec(name) ?? [];
  return {
    ...(typeof Namespace === "string" ? { Namespace } : {}),
    JobID: textOf(update.JobID).replace(/\/periodic-[0-9]+$/, ""),
    TaskGroup: textOf(update.GroupName),
    Index: Number(index),
    Task: textOf(update.TaskName),
    ...(ofSystem ? { NodeID: textOf(update.NodeID) } : {}),
  };
}

function meaningOf(update: Fields, event: Fields, type: string): Meaning {
  if (update.DesiredStatus === "stop" && /^alloc not needed/.test(textOf(update.DesiredDescription))) {
    return "stopped";
  }
  switch (type) {
    case "Started":
      return "started";
    case "Restarting":
      return isIntended(event) ? "nothing" : "failed";
    case "Not Restarting":
      return "failed";
    case "Killing":
      return failsTask(event) ? "failing" : "nothing";
    case "Terminated":
      // A service that ends with 0 is restarted, which the next event says; a batch task is done.
      return isComplete(update, event) ? "completed" : "exited";
    default:
      return "nothing";
  }
}

function isComplete({ ClientStatus, TaskFailed, DesiredStatus }: Fields, { ExitCode }: Fields): boolean {
  return ClientStatus === "complete" && TaskFailed === false && DesiredStatus === "run" && ExitCode === 0;
}

function failsTask({ FailsTask, Details }: Fields): boolean {
  return FailsTask === true || (isObject(Details) && Details.fails_task === "true");
}

/** RFC 3339 with up to nine digits of a second; Go writes a zero time as the year 1. */
function startOf(text: string): Nanoseconds | undefined {
  const [, seconds, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/
      .exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (!(milliseconds > 0)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
