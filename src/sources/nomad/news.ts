// What the source `nomad` passes on: updates, each with the time of its event; and how it writes an update about a job,
// or about an allocation that waits, in the shape of those about task events.
import type { JobOutcome } from "../../detection/event.ts";

/** An update that is to be passed on. */
export interface News {
  readonly text: string;
  /** Of its event, about, in nanoseconds. */
  readonly time: number;
}

/** What is said of a job. */
export interface JobNews {
  readonly namespace: string;
  readonly job: string;
  readonly outcome: JobOutcome;
  /** Allocations that were made after this raft index are not meant. */
  readonly index: number;
  /** The only allocation that is meant, where it is not all. */
  readonly allocation?: string;
  /** Digits of a time in nanoseconds. */
  readonly until?: string;
  /** In nanoseconds, about; now unless told. */
  readonly time?: number | undefined;
}

const types: Readonly<Record<JobOutcome, string>> = {
  stopped: "Job Stopped",
  gone: "Job Gone",
  "gave-up": "Job Given Up",
  waits: "Placement Awaited",
};

/** Writes it as an update. */
export function writeJobNews({ namespace, job, outcome, index, allocation, until, time }: JobNews): News {
  const at = time ?? Date.now() * 1e6;
  const text = `{"Name":${JSON.stringify(job)},"AllocationID":${JSON.stringify(allocation ?? "")},` +
    `"JobID":${JSON.stringify(job)},"TaskEvent":{"Type":"${types[outcome]}","Time":${
      BigInt(Math.trunc(at))
    }},` +
    `"Namespace":${JSON.stringify(namespace)},"Job":{"Outcome":"${outcome}","Index":${index}` +
    (until === undefined ? "}}" : `,"Until":"${until}"}}`);
  return { text, time: at };
}
