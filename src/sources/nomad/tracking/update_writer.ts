// Writes the task events of an allocation as the updates that nomad-firehose would send.
import type { Allocation, ExactInteger, TaskEvent, TaskState } from "./allocation.ts";

/** Fields of an update that are not Nomad's. */
export interface Counts {
  /** Restarts of the task up to this event, itself included. */
  readonly restarts: number;
  /** Restarts before this one for which there was no event. */
  readonly missed: number;
  /** Events before this one were missed. */
  readonly afterGap?: boolean;
}

/** Writes updates of one task as JSON, one for each event. */
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

  /** The update about a restart whose event is gone: only its time is known. */
  writeRestart(time: ExactInteger, counts: Counts): string {
    const event = `{"Type":"Restarting","Time":${time},"DisplayMessage":"Task restarted; its event is gone"}`;
    return this.#update(event, counts);
  }

  #update(event: string, { restarts, missed, afterGap = false }: Counts): string {
    return `${this.#before}${event}${this.#between},"Restarts":${restarts}${this.#after}` +
      (missed > 0 ? `,"MissedRestarts":${missed}` : "") + (afterGap ? ',"EventsMissed":true}' : "}");
  }
}

/** Go's zero time. */
const never = "0001-01-01T00:00:00Z";

/** A task event with nomad-firehose's fields in its order; those that Nomad omits are empty. */
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

/** Nomad's order of details varies from line to line; Go sorts them. */
function sorted(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const names = Object.keys(details);
  if (names.length < 2) return details;
  return Object.fromEntries(names.sort().map((name) => [name, details[name]]));
}

/** Most values are empty. */
function json(value: unknown): string {
  return value === "" ? '""' : JSON.stringify(value);
}
