// Nomad's allocations, as the event stream and the list give them, and their task events written as the updates
// that nomad-firehose would send. Numbers that JavaScript's do not hold stay the texts they were.

/** A whole number: past 2^53 its digits. */
export type Exact = number | string;

/** An allocation: the fields that the event stream and the list have in common, and that are used. */
export interface Allocation {
  readonly ID: string;
  readonly EvalID?: string;
  readonly Name: string;
  readonly Namespace: string;
  readonly NodeID?: string;
  readonly NodeName?: string;
  readonly JobID: string;
  /** Only the list has it. */
  readonly JobType?: string;
  readonly TaskGroup?: string;
  readonly DesiredStatus: string;
  readonly DesiredDescription?: string;
  readonly ClientStatus?: string;
  readonly ClientDescription?: string;
  /** Only the event stream has it; the list has it in the RescheduleTracker. */
  readonly PreviousAllocation?: string;
  readonly RescheduleTracker?:
    | { readonly Events?: readonly { readonly PrevAllocID?: string }[] | null }
    | null;
  readonly TaskStates?: Readonly<Record<string, TaskState>> | null;
  /** The evaluation that places it again, where one will. */
  readonly FollowupEvalID?: string;
  /** What replaced it; only newer lists have it. */
  readonly NextAllocation?: string;
  /** Raft index of its making: of two allocations the younger has the higher one. */
  readonly CreateIndex?: number;
  readonly CreateTime: number;
  readonly ModifyIndex: number;
  readonly ModifyTime: number;
}

/** What Nomad says of one task of an allocation. Times that are not yet are null. */
export interface TaskState {
  readonly State: string;
  readonly Failed: boolean;
  /** How often the task was restarted: so many events `Restarting` there were. */
  readonly Restarts?: number;
  readonly LastRestart?: string | null;
  readonly StartedAt?: string | null;
  readonly FinishedAt?: string | null;
  /** The last ten, oldest first. */
  readonly Events?: readonly TaskEvent[] | null;
}

/** A task event; the fields that are not named here are passed on as they are. */
export interface TaskEvent {
  readonly Type: string;
  readonly Time: Exact;
  readonly Details?: Readonly<Record<string, unknown>> | null;
  readonly [field: string]: unknown;
}

/** What an update says besides Nomad's own words. */
export interface Counts {
  /** Restarts of the task up to this event, itself included. */
  readonly restarts: number;
  /** Restarts before this one that no event showed. */
  readonly missed: number;
  /** Events before this one were not seen. */
  readonly afterGap?: boolean;
}

/** JSON with allocations in it; of numbers past 2^53 in events the digits are kept. @throws {SyntaxError} */
export function parseExactly(text: string): unknown {
  return JSON.parse(text.replace(longNumbers, '"$1":"$2"'));
}

/** Cannot stand within a string: the quotes there are escaped. */
const longNumbers = /"(Time|StartDelay|KillTimeout)":(-?[0-9]{16,})/g;

/** Whether what was parsed is an allocation that can be used. */
export function isAllocation(value: unknown): value is Allocation {
  const { ID, Name, Namespace, JobID, DesiredStatus, TaskStates = null, ModifyIndex, ModifyTime } =
    value as Allocation ??
      {};
  return [ID, Name, Namespace, JobID, DesiredStatus].every((text) => typeof text === "string") &&
    [ModifyIndex, ModifyTime].every((number) => typeof number === "number") &&
    typeof TaskStates === "object" &&
    Object.values(TaskStates ?? {}).every(isTaskState);
}

function isTaskState(value: TaskState | null): boolean {
  const events = value?.Events ?? [];
  return typeof value === "object" && value !== null && Array.isArray(events) &&
    events.every((event) => typeof event?.Type === "string" && /^(number|string)$/.test(typeof event.Time));
}

/** Writes the updates of one task, in JSON: one for each of its events. */
export class UpdateWriter {
  readonly #before: string;
  readonly #between: string;
  readonly #after: string;

  constructor(allocation: Allocation, task: string, state: TaskState, jobType: string | undefined) {
    const { NodeName = "" } = allocation;
    const previous = allocation.PreviousAllocation ||
      allocation.RescheduleTracker?.Events?.at(-1)?.PrevAllocID;
    this.#before = `{"Name":${json(allocation.Name)},"NodeID":${json(allocation.NodeID ?? "")},` +
      `"AllocationID":${json(allocation.ID)},"DesiredStatus":${json(allocation.DesiredStatus)},` +
      `"DesiredDescription":${json(allocation.DesiredDescription ?? "")},` +
      `"ClientStatus":${json(allocation.ClientStatus ?? "")},` +
      `"ClientDescription":${json(allocation.ClientDescription ?? "")},"JobID":${json(allocation.JobID)},` +
      `"GroupName":${json(allocation.TaskGroup ?? "")},"TaskName":${json(task)},` +
      `"EvalID":${json(allocation.EvalID ?? "")},"TaskState":${json(state.State)},` +
      `"TaskFailed":${json(state.Failed)},"TaskStartedAt":${json(state.StartedAt ?? never)},` +
      `"TaskFinishedAt":${json(state.FinishedAt ?? never)},"TaskEvent":`;
    this.#between = `,"Namespace":${json(allocation.Namespace)},"NodeName":${json(NodeName)}` +
      (jobType === undefined ? "" : `,"JobType":${json(jobType)}`);
    this.#after = (previous ? `,"PreviousAllocation":${json(previous)}` : "") +
      `,"CreateIndex":${allocation.CreateIndex ?? 0}`;
  }

  /** The update about an event. */
  write(event: TaskEvent, counts: Counts): string {
    return this.#update(writeEvent(event), counts);
  }

  /** The update about a restart of which no event is left: only its time is known. */
  writeRestart(time: Exact, counts: Counts): string {
    const event = `{"Type":"Restarting","Time":${time},"DisplayMessage":"Task restarted; its event is gone"}`;
    return this.#update(event, counts);
  }

  #update(event: string, { restarts, missed, afterGap = false }: Counts): string {
    return `${this.#before}${event}${this.#between},"Restarts":${restarts}${this.#after}` +
      (missed > 0 ? `,"MissedRestarts":${missed}` : "") + (afterGap ? ',"EventsMissed":true}' : "}");
  }
}

/** How Go writes a time that is not. */
const never = "0001-01-01T00:00:00Z";

/** A task event with nomad-firehose's fields in its order. What Nomad does not give is empty. */
function writeEvent(event: TaskEvent): string {
  const rest = JSON.stringify({
    DisplayMessage: event.DisplayMessage ?? "",
    Details: sorted(event.Details ?? {}),
    FailsTask: event.FailsTask ?? false,
    RestartReason: event.RestartReason ?? "",
    SetupError: event.SetupError ?? "",
    DriverError: event.DriverError ?? "",
    DriverMessage: event.DriverMessage ?? "",
    ExitCode: event.ExitCode ?? 0,
    Signal: event.Signal ?? 0,
    Message: event.Message ?? "",
    KillReason: event.KillReason ?? "",
    KillTimeout: event.KillTimeout ?? 0,
    KillError: event.KillError ?? "",
    StartDelay: event.StartDelay ?? 0,
    DownloadError: event.DownloadError ?? "",
    ValidationError: event.ValidationError ?? "",
    DiskLimit: event.DiskLimit ?? 0,
    DiskSize: event.DiskSize ?? 0,
    FailedSibling: event.FailedSibling ?? "",
    VaultError: event.VaultError ?? "",
    TaskSignalReason: event.TaskSignalReason ?? "",
    TaskSignal: event.TaskSignal ?? "",
    GenericSource: event.GenericSource ?? "",
  });
  const isLong = typeof event.StartDelay === "string" || typeof event.KillTimeout === "string";
  return `{"Type":${json(event.Type)},"Time":${event.Time},${
    (isLong ? rest.replace(longTexts, '"$1":$2') : rest).slice(1)
  }`;
}

const longTexts = /"(StartDelay|KillTimeout)":"(-?[0-9]{16,})"/g;

/** Nomad's order of details changes from line to line; Go's is that of the alphabet. */
function sorted(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const names = Object.keys(details);
  if (names.length < 2) return details;
  return Object.fromEntries(names.sort().map((name) => [name, details[name]]));
}

/** Most values are empty. */
function json(value: unknown): string {
  return value === "" ? '""' : JSON.stringify(value);
}

/** A time as Go writes it, in nanoseconds since the Unix epoch. `2026-11-24T03:31:55.125615555Z` */
export function nanosecondsOf(text: string): string | undefined {
  const [, seconds, fraction = "", zone] =
    /^([^.]+T[0-9:]{8})(?:\.([0-9]{1,9}))?(Z|[+-][0-9:]{5})$/.exec(text) ??
      [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return String(BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0")));
}
