// An update about a whole job, or about an allocation that does not run: it was stopped, it is gone, Nomad has given it
// up, or it waits to be placed again. The source `nomad` writes such updates; to other rules they are nothing.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { RuleEvent } from "../rule.ts";
import { type Fields, isObject, type Read, textOf } from "./update.ts";

/** What became of a job. */
export type JobOutcome =
  | "stopped"
  /** It was purged, or its cluster was set up anew. */
  | "gone"
  /** It is dead, and Nomad makes no further attempt. */
  | "gave-up"
  /** Nomad places the allocation again, at a time that it has said. */
  | "waits";

const outcomes: ReadonlySet<unknown> = new Set<JobOutcome>(["stopped", "gone", "gave-up", "waits"]);

/** One update about a job. */
export interface JobEvent extends RuleEvent {
  readonly kind: "job";
  readonly namespace: string;
  readonly job: string;
  readonly outcome: JobOutcome;
  /** It says nothing of allocations that were made after this raft index: the job was run again. */
  readonly index: number;
  /** The only allocation that is meant; empty for all of the job. */
  readonly allocation: string;
  /** When an allocation that waits is placed again. */
  readonly until: Nanoseconds | undefined;
}

/** The update's word about a job; undefined where it is about a task event. */
export function jobEventOf({ update, time, text }: Read): JobEvent | undefined {
  const { Job } = update;
  if (!isObject(Job) || !outcomes.has(Job.Outcome)) return undefined;
  const namespace = textOf(update.Namespace);
  const job = textOf(update.JobID);
  return {
    kind: "job",
    name: `${namespace}/${job}`,
    time,
    namespace,
    job,
    outcome: Job.Outcome as JobOutcome,
    index: typeof Job.Index === "number" ? Job.Index : 0,
    allocation: textOf(update.AllocationID),
    until: wholeNanoseconds(Job),
    update: text,
  };
}

/** Digits in a text, since a number would not hold them. */
function wholeNanoseconds({ Until }: Fields): Nanoseconds | undefined {
  return typeof Until === "string" && /^[0-9]{1,19}$/.test(Until) ? BigInt(Until) : undefined;
}
