// An update about a whole job, or about an allocation that does not run: it was stopped, is gone, was given up by Nomad,
// or is pending, that is, to be placed again. The source `nomad` writes such updates; only the rule `failures` reads them.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { JobEvent, JobOutcome } from "../event.ts";
import { type Fields, isObject, textOf } from "./fields.ts";
import type { Read } from "./update.ts";

const outcomes: ReadonlySet<unknown> = new Set<JobOutcome>(["stopped", "gone", "gave-up", "pending"]);

/** What the update says about a job; undefined if it is about a task event. */
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
