// Allocation updates as nomad-firehose sends them, made up for tests.

/** What matters of an update. */
export interface RestartFields {
  readonly name?: string;
  readonly allocation?: string;
  readonly task?: string;
  readonly type?: string;
  /** Nanoseconds since the Unix epoch. */
  readonly time?: bigint;
  readonly reason?: string;
}

/** An update of these fields, with a task event of these, as JSON text: nanoseconds are more than a number holds. */
export function updateJson(
  fields: Readonly<Record<string, unknown>>,
  type: string,
  time: bigint,
  event: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({ ...fields, TaskEvent: { Type: type, Time: "TIME", ...event } })
    .replace('"TIME"', String(time));
}

/** One update as JSON text, by default a restart. */
export function update(
  {
    name = "job.group[0]",
    allocation = "2b1f6c9a-0b51-0f5e-9f14-3c6f4a3a8c11",
    task = "task",
    type = "Restarting",
    time = now(),
    reason = "Restart within policy",
  }: RestartFields = {},
): string {
  const fields = {
    Name: name,
    NodeID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8",
    AllocationID: allocation,
    DesiredStatus: "run",
    DesiredDescription: "",
    ClientStatus: "pending",
    ClientDescription: "No tasks have started",
    JobID: "job",
    GroupName: "group",
    TaskName: task,
    EvalID: "9bf3fbd5-13af-c83f-dd1a-a86ae8a5e879",
    TaskState: "pending",
    TaskFailed: false,
    TaskStartedAt: "2026-11-24T03:42:54.562822483Z",
    TaskFinishedAt: "0001-01-01T00:00:00Z",
  };
  return updateJson(fields, type, time, {
    DisplayMessage: "Task restarting in 1.2s",
    Details: { restart_reason: reason, start_delay: "1245208590" },
    FailsTask: false,
    RestartReason: reason,
    StartDelay: 1245208590,
  });
}

/** The time now, in nanoseconds; each call gives a later one. */
export function now(): bigint {
  const clock = BigInt(Date.now()) * 1_000_000n;
  return last = clock > last ? clock : last + 1n;
}
let last = 0n;

/** `count` restarts of one name, one nanosecond after the other from `time` on. */
export function restarts(count: number, made: RestartFields = {}): string[] {
  const time = made.time ?? now();
  return Array.from({ length: count }, (_, index) => update({ ...made, time: time + BigInt(index) }));
}
