// The updates of tasks that run, fail and are stopped, made up for tests, in the shape of nomad-firehose.
import { decodeRun } from "../../src/detection/decode/run_event.ts";
import type { RunEvent } from "../../src/detection/event.ts";
import { updateJson } from "./updates.ts";

/** What matters of an update. */
export interface TaskUpdate {
  readonly type?: string;
  /** Nanoseconds since the Unix epoch. */
  readonly time?: bigint;
  readonly job?: string;
  readonly group?: string;
  readonly index?: number;
  readonly task?: string;
  readonly allocation?: string;
  readonly node?: string;
  /** Other fields of the update, and of its event. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly event?: Readonly<Record<string, unknown>>;
}

/** The time so many seconds after the beginning of the tests' time. */
export function at(seconds: number): bigint {
  return 1_795_491_774_000_000_000n + BigInt(Math.round(seconds * 1000)) * 1_000_000n;
}

/** One update as JSON text. */
export function taskUpdate(
  {
    type = "Received",
    time = at(0),
    job = "api",
    group = "web",
    index = 0,
    task = "app",
    allocation = "a1",
    node = "n1",
    fields = {},
    event = {},
  }: TaskUpdate = {},
): string {
  const all = {
    Name: `${job}.${group}[${index}]`,
    NodeID: node,
    AllocationID: allocation,
    DesiredStatus: "run",
    DesiredDescription: "",
    ClientStatus: "running",
    JobID: job,
    GroupName: group,
    TaskName: task,
    TaskState: "running",
    TaskFailed: false,
    TaskStartedAt: "0001-01-01T00:00:00Z",
    TaskFinishedAt: "0001-01-01T00:00:00Z",
    ...fields,
  };
  return updateJson(all, type, time, { DisplayMessage: type, Details: {}, ...event });
}

/** The update as the rule sees it. */
export function decoded(update: string): RunEvent {
  const event = decodeRun(new TextEncoder().encode(update));
  if (event.kind !== "event") throw new Error(event.kind === "malformed" ? event.reason : event.kind);
  return event;
}

/** How long after the end of a process Nomad says what it makes of it: 2 ms. */
const judged = 2_000_000n;

export function started(time: bigint, of: TaskUpdate = {}): string {
  return taskUpdate({ ...of, type: "Started", time });
}

/** The process ended with a code, and with a signal. */
export function terminated(time: bigint, code = 1, signal = 0, of: TaskUpdate = {}): string {
  const details = { exit_code: String(code), signal: String(signal), oom_killed: "false" };
  return taskUpdate({
    ...of,
    type: "Terminated",
    time,
    event: { ExitCode: code, Signal: signal, Details: details, ...of.event },
  });
}

/** Nomad's policy restarts the task, after so many nanoseconds; without a reason where somebody wanted it. */
export function restarting(
  time: bigint,
  { reason = "Restart within policy", delay = 15_000_000_000n, ...of }: TaskUpdate & {
    reason?: string;
    delay?: bigint;
  } = {},
): string {
  const details = { restart_reason: reason, start_delay: String(delay) };
  const event = { RestartReason: reason, StartDelay: Number(delay), Details: details };
  return taskUpdate({ ...of, type: "Restarting", time, event: { ...event, ...of.event } });
}

/** Nomad's policy gives the allocation up. */
export function notRestarting(time: bigint, of: TaskUpdate & { reason?: string } = {}): string {
  const { reason = 'Exceeded allowed attempts 2 in interval 30m0s and mode is "fail"', ...rest } = of;
  const event = {
    RestartReason: reason,
    FailsTask: true,
    Details: { restart_reason: reason, fails_task: "true" },
  };
  return taskUpdate({ ...rest, type: "Not Restarting", time, event: { ...event, ...of.event } });
}

/** Nomad kills the task: it fails it, or not. */
export function killing(
  time: bigint,
  { fails = false, ...of }: TaskUpdate & { fails?: boolean } = {},
): string {
  const event = fails
    ? { FailsTask: true, DisplayMessage: "Template failed: no such key", Details: { fails_task: "true" } }
    : { KillTimeout: 5_000_000_000, Details: { kill_timeout: "5s" } };
  return taskUpdate({ ...of, type: "Killing", time, event: { ...event, ...of.event } });
}

/** The process ended by itself, and Nomad restarts it. */
export function crash(time: bigint, of: TaskUpdate = {}): string[] {
  return [terminated(time, 1, 0, of), restarting(time + judged, of)];
}

/** The process ended by itself, and Nomad gives the allocation up. */
export function giveUp(time: bigint, of: TaskUpdate = {}): string[] {
  return [terminated(time, 1, 0, of), notRestarting(time + judged, of)];
}

/** Nomad kills the task and says why it stops the allocation. */
export function stop(time: bigint, why = jobStopped, of: TaskUpdate = {}): string[] {
  const all = { ...of, fields: { ...why, ...of.fields } };
  return [
    killing(time, all),
    terminated(time + 1_000_000n, 130, 2, all),
    taskUpdate({ ...all, type: "Killed", time: time + judged }),
  ];
}

/** What an update says of an allocation that Nomad stops: since somebody stopped the job, … */
export const jobStopped: State = stopped("alloc not needed due to job update");
export const deployed: State = stopped("alloc is being updated due to job update");
export const drained: State = stopped("alloc is being migrated");

type State = Readonly<Record<string, string>>;

function stopped(description: string): State {
  return {
    DesiredStatus: "stop",
    DesiredDescription: description,
    ClientStatus: "complete",
    TaskState: "dead",
  };
}

/** `count` runs of a second each that Nomad restarts, `every` so many seconds from `from` on. */
export function crashes(count: number, from = 0, every = 20, of: TaskUpdate = {}): string[] {
  return Array.from({ length: count }, (_, index) => {
    const begin = from + index * every;
    return [started(at(begin), of), ...crash(at(begin + 1), of)];
  }).flat();
}
