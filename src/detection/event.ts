// The events that decoders return and rules take. No clock, no I/O.
import type { Nanoseconds } from "../lib/duration.ts";
import type { Key } from "./decode/task_key.ts";

/** An event for a rule. */
export type RuleEvent = Restart | RunEvent | JobEvent | JobSettingsEvent | NodeEvent;

/** An update of no interest to the rule. */
export interface Other {
  readonly kind: "other";
  readonly time: Nanoseconds;
}

/** A message that is not an update. */
export interface Malformed {
  readonly kind: "malformed";
  readonly reason: string;
}

/** The fields of every event. */
interface Common {
  /** The key that it counts for, as text. */
  readonly name: string;
  /** `TaskEvent.Time`, since the Unix epoch. */
  readonly time: Nanoseconds;
  /** The update as it came. */
  readonly update: string;
}

/** A task of an allocation was restarted: what the rule `restarts` counts, by `job.group[index]`, in the source
 * `nomad` after `namespace/`. */
export interface Restart extends Common {
  readonly kind: "restart";
  readonly allocation: string;
  readonly task: string;
  /** Allocation and task as a number: with `time` it identifies the restart. */
  readonly identity: number;
  /** Requested by a user or a template. */
  readonly requested: boolean;
  /** Restarts before it that no event showed. */
  readonly missed: number;
}

/** What an event says about a run. */
export type Meaning =
  | "started"
  /** The process ended, for whatever reason; the next event says what that means. */
  | "exited"
  /** The process ended as it should, and the task with it. */
  | "completed"
  /** The run failed: so Nomad's own policy says. */
  | "failed"
  /** The run failed, and with it the task, which has yet to be killed. */
  | "failing"
  /** Somebody stopped the job, or there is no room for this allocation in it any more. */
  | "stopped"
  /** Nothing that counts: a requested restart, a deploy, a drain, the death of a sibling. */
  | "nothing";

/** How a process ended, as Nomad says. */
export interface Exit {
  readonly code: number | undefined;
  readonly signal: number | undefined;
  /** Nomad says that it ran out of memory. */
  readonly outOfMemory: boolean;
}

/** An event of a task, for the rule `failures`. */
export interface RunEvent extends Common {
  readonly kind: "event";
  readonly key: Key;
  readonly allocation: string;
  /** Nomad's create index of the allocation, higher for a younger one; 0 if it is not known. */
  readonly createIndex: number;
  /** The allocation and the task as a number: with `time` it identifies the failure within its task. */
  readonly identity: number;
  readonly type: string;
  readonly meaning: Meaning;
  readonly displayMessage: string;
  /** Failed runs before this one that no event showed. */
  readonly missed: number;
  /** Events of the task before this one were not seen. */
  readonly afterGap: boolean;
  /** When the last run began, if the update says so. The update can be newer than its event. */
  readonly startedAt: Nanoseconds | undefined;
  /** How the run ended, if the event says so. */
  readonly exit: Exit | undefined;
  /** When Nomad starts the task again, if the event says so. */
  readonly nextAttempt: Nanoseconds | undefined;
  readonly node: { readonly ID: string; readonly Name: string };
}

/** What became of a job. */
export type JobOutcome =
  | "stopped"
  /** It was purged, or its cluster was set up from scratch. */
  | "gone"
  /** It is dead, and Nomad makes no further attempt. */
  | "gave-up"
  /** Nomad will place the allocation again, at a known time. */
  | "pending";

/** An event of a whole job, or of an allocation that does not run, for the rule `failures`. */
export interface JobEvent extends Common {
  readonly kind: "job";
  readonly namespace: string;
  readonly job: string;
  readonly outcome: JobOutcome;
  /** It says nothing about allocations with a higher create index: the job was run again. */
  readonly index: number;
  /** The only allocation that is meant; empty for all of the job. */
  readonly allocation: string;
  /** When the pending allocation is placed again. */
  readonly until: Nanoseconds | undefined;
}

/** What a version of a job asks for in its `meta`, for both rules. */
export interface JobSettingsEvent extends Common {
  readonly kind: "job-settings";
  readonly namespace: string;
  readonly job: string;
  readonly version: number;
  /** The tasks that have settings; none if the job has none any more. */
  readonly tasks: readonly SettingsOfTask[];
}

/** The settings of one task: the texts of its `meta`, of its group's and of its job's, the innermost wins. */
export interface SettingsOfTask {
  readonly group: string;
  readonly task: string;
  readonly meta: Readonly<Record<string, string>>;
}

/** A node of the cluster changed. No rule counts it. */
export interface NodeEvent extends Common {
  readonly kind: "node";
  readonly node: { readonly ID: string; readonly Name: string };
  /** What is wrong with it, in words after its name: `is down`, `lost its driver docker`. */
  readonly problem: string | undefined;
}
