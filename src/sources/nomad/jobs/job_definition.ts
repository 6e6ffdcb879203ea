// A job as somebody wrote it, in one of its versions: what of it concerns alerts. No I/O, no clock.
import type { Nanoseconds } from "../../../lib/duration.ts";
import type { ExactInteger } from "../tracking/allocation.ts";

/** One version of a job. */
export interface JobDefinition {
  readonly namespace: string;
  readonly job: string;
  readonly version: number;
  /** When it was submitted; undefined if Nomad does not say. */
  readonly submitTime: Nanoseconds | undefined;
  /** Raft index of this version: a job that was purged and run again begins with version 0, at a higher index. */
  readonly jobModifyIndex: number;
  /** In the order of the job. */
  readonly tasks: readonly TaskDefinition[];
}

/** A task of a job. */
export interface TaskDefinition {
  readonly group: string;
  readonly task: string;
  /** How many allocations its group should have. */
  readonly count: number;
  /** Metadata of the job, the group and the task; the innermost wins. */
  readonly meta: Readonly<Record<string, string>>;
  /** What its driver runs, where it says so: an image, or a command with its arguments. */
  readonly image?: string;
  readonly command?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads what `/v1/job/<id>` answers, or what an event of the topic Job carries; undefined if it is not a job. */
export function jobDefinitionOf(job: Fields | undefined): JobDefinition | undefined {
  if (job === undefined || typeof job.ID !== "string" || job.ID === "") return undefined;
  return {
    namespace: textOf(job.Namespace) || "default",
    job: job.ID,
    version: numberOf(job.Version) ?? 0,
    submitTime: timeOf(job.SubmitTime),
    jobModifyIndex: numberOf(job.JobModifyIndex) ?? numberOf(job.ModifyIndex) ?? 0,
    tasks: listOf(job.TaskGroups).flatMap((group) =>
      listOf(group.Tasks).map((task) => taskOf(task, group, { ...textsOf(job.Meta), ...textsOf(group.Meta) }))
    ),
  };
}

function taskOf(task: Fields, group: Fields, outer: Readonly<Record<string, string>>): TaskDefinition {
  const { image, command, args } = fieldsOf(task.Config);
  const words = [command, ...Array.isArray(args) ? args : []].filter((word) => typeof word === "string");
  return {
    group: textOf(group.Name),
    task: textOf(task.Name),
    count: numberOf(group.Count) ?? 1,
    meta: { ...outer, ...textsOf(task.Meta) },
    ...(textOf(image) === "" ? {} : { image: textOf(image) }),
    ...(textOf(command) === "" ? {} : { command: words.join(" ") }),
  };
}

/** `SubmitTime` is of nanoseconds; the digits that a number lost are of no use to anyone. */
function timeOf(value: unknown): Nanoseconds | undefined {
  const time = value as ExactInteger;
  if (typeof time === "number" ? !Number.isInteger(time) : !/^[0-9]{1,19}$/.test(textOf(time))) {
    return undefined;
  }
  const nanoseconds = BigInt(time);
  return nanoseconds > 0n ? nanoseconds : undefined;
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? value as Fields : {};
}

function textsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).filter((entry): entry is [string, string] =>
      typeof entry[1] === "string"
    ),
  );
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
