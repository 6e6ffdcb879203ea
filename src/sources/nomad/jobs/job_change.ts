// Writes changes of jobs, and of allocations to be rescheduled, in the form of updates about task events.
import type { JobOutcome } from "../../../detection/event.ts";
import type { NewEvent } from "../tracking/new_event.ts";

/** A change of a job. */
export interface JobChange {
  readonly namespace: string;
  readonly job: string;
  readonly outcome: JobOutcome;
  /** Allocations created after this raft index are not affected. */
  readonly index: number;
  /** The only affected allocation; absent for all. */
  readonly allocation?: string;
  /** Digits of a time in nanoseconds. */
  readonly until?: string;
  /** Approximate, in nanoseconds; default: now. */
  readonly time?: number | undefined;
}

const types: Readonly<Record<JobOutcome, string>> = {
  stopped: "Job Stopped",
  gone: "Job Gone",
  "gave-up": "Job Given Up",
  pending: "Placement Awaited",
};

/** Writes a change of a job as an update. */
export function writeJobChange(
  { namespace, job, outcome, index, allocation, until, time }: JobChange,
): NewEvent {
  const at = time ?? Date.now() * 1e6;
  const text = `{"Name":${JSON.stringify(job)},"AllocationID":${JSON.stringify(allocation ?? "")},` +
    `"JobID":${JSON.stringify(job)},"TaskEvent":{"Type":"${types[outcome]}","Time":${
      BigInt(Math.trunc(at))
    }},` +
    `"Namespace":${JSON.stringify(namespace)},"Job":{"Outcome":"${outcome}","Index":${index}` +
    (until === undefined ? "}}" : `,"Until":"${until}"}}`);
  return { text, time: at };
}
