// Nomad's allocations, as the event stream and the list give them. Numbers too large for JavaScript stay texts.

/** An integer: a string of digits if it exceeds 2^53. */
export type ExactInteger = number | string;

/** An allocation: the fields in use that the event stream and the list share. */
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
  /** The evaluation that will reschedule it. */
  readonly FollowupEvalID?: string;
  /** Its replacement; only newer lists have it. */
  readonly NextAllocation?: string;
  /** Raft index of its creation: of two allocations the younger has the higher one. */
  readonly CreateIndex?: number;
  readonly CreateTime: number;
  readonly ModifyIndex: number;
  readonly ModifyTime: number;
}

/** The state of one task of an allocation. Times not reached are null. */
export interface TaskState {
  readonly State: string;
  readonly Failed: boolean;
  /** How often the task was restarted: the number of events `Restarting`. */
  readonly Restarts?: number;
  readonly LastRestart?: string | null;
  readonly StartedAt?: string | null;
  readonly FinishedAt?: string | null;
  /** The last ten, oldest first. */
  readonly Events?: readonly TaskEvent[] | null;
}

/** A task event; fields not listed here are passed on as they are. */
export interface TaskEvent {
  readonly Type: string;
  readonly Time: ExactInteger;
  readonly Details?: Readonly<Record<string, unknown>> | null;
  readonly [field: string]: unknown;
}

/** Parses JSON with allocations; integers in events that exceed 2^53 become strings of digits. @throws {SyntaxError} */
export function parseExactly(text: string): unknown {
  return JSON.parse(text.replace(longNumbers, '"$1":"$2"'));
}

/** Never matches within a string, whose quotes are escaped. */
const longNumbers = /"(Time|StartDelay|KillTimeout)":(-?[0-9]{16,})/g;

/** Whether the parsed value is a usable allocation. */
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
