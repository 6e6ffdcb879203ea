// A large Nomad cluster, made up: its list of allocations, and the lines of its event stream. Shapes and sizes are
// those of the recordings; every allocation has one task.
import { second } from "../../src/lib/duration.ts";

/** How large it is. */
export interface Cluster {
  readonly allocations: number;
  /** So many of them, spread over all, crash again and again. */
  readonly looping: number;
  /** Nanoseconds since the Unix epoch: the time of the list. */
  readonly now: bigint;
}

/** Raft index of the list. */
const listIndex = 1_000_000;
/** Seconds from one crash to the next, and from a crash to the restart. */
const crashEvery = 20n;
const delay = 15n;

/** `/v1/allocations`, in pieces. */
export function* listOf(cluster: Cluster): Generator<string> {
  for (let number = 0; number < cluster.allocations; number++) {
    yield (number === 0 ? "[" : ",") + JSON.stringify(stubOf(number, cluster));
  }
  yield "]";
}

/** One line of the event stream: at this raft index, so many seconds after the list, these of the looping allocations,
 * counted from 0, crashed. */
export function crashLine(
  cluster: Cluster,
  index: number,
  seconds: number,
  numbers: readonly number[],
): string {
  const time = cluster.now + BigInt(seconds) * second;
  const events = numbers.map((number) => {
    const restarts = 10 + Math.floor(seconds / Number(crashEvery));
    const { JobType: _, ...allocation } = stubOf(number * stepOf(cluster), cluster, {
      index,
      time,
      restarts,
    });
    return {
      Topic: "Allocation",
      Type: "AllocationUpdated",
      Key: allocation.ID,
      Index: index,
      Payload: { Allocation: { ...allocation, ...resources } },
    };
  });
  return JSON.stringify({ Index: index, Events: events });
}

/** From one looping allocation to the next. */
function stepOf({ allocations, looping }: Cluster): number {
  return Math.floor(allocations / looping);
}

/** What changed an allocation last. */
interface Change {
  readonly index: number;
  readonly time: bigint;
  readonly restarts: number;
}

function stubOf(number: number, cluster: Cluster, change?: Change) {
  const { index, time, restarts } = change ?? { index: listIndex, time: cluster.now, restarts: 10 };
  const loops = number % stepOf(cluster) === 0;
  const id = `${number.toString(16).padStart(8, "0")}-32b9-1a4f-2fff-9b76406d8ee9`;
  const started = cluster.now - 86_400n * second;
  return {
    ID: id,
    EvalID: "fdd1476e-5538-0900-a062-5f5e2d20df61",
    Name: `job-${number}.group[0]`,
    Namespace: `team-${number % 20}`,
    NodeID: "ca601765-3a7d-9af1-54b2-ee5a37ccffd8",
    NodeName: `node-${number % 500}`,
    JobID: `job-${number}`,
    JobType: "service",
    JobVersion: 0,
    TaskGroup: "group",
    AllocatedResources: null,
    DesiredStatus: "run",
    DesiredDescription: "",
    ClientStatus: loops ? "pending" : "running",
    ClientDescription: loops ? "No tasks have started" : "Tasks are running",
    DesiredTransition: { Migrate: null, Reschedule: null, ForceReschedule: null },
    TaskStates: {
      app: {
        State: loops ? "pending" : "running",
        Failed: false,
        Restarts: loops ? restarts : 0,
        LastRestart: loops ? new Date(Number(time / 1_000_000n)).toISOString() : null,
        StartedAt: new Date(Number(started / 1_000_000n)).toISOString(),
        FinishedAt: null,
        Events: loops ? crashes(time) : beginning(started),
        TaskHandle: null,
      },
    },
    DeploymentStatus: { Canary: false, Healthy: !loops, ModifyIndex: index },
    FollowupEvalID: "",
    RescheduleTracker: null,
    PreemptedAllocations: null,
    PreemptedByAllocation: "",
    CreateIndex: 1000,
    ModifyIndex: index,
    CreateTime: exact(started),
    ModifyTime: exact(time),
  };
}

/** The ten last events of a task whose last restart began at this time. */
function crashes(time: bigint): unknown[] {
  const events: unknown[] = [];
  for (let at = time; events.length < 10; at -= crashEvery * second) {
    events.unshift(
      event("Restarting", at, `Task restarting in ${delay}s`, { restart_reason: "Restart within policy" }),
    );
    if (events.length < 10) {
      events.unshift(event("Terminated", at - 1_000_000n, "Exit Code: 1", { exit_code: "1" }));
    }
    if (events.length < 10) {
      events.unshift(event("Started", at - (crashEvery - delay) * second, "Task started by client", {}));
    }
  }
  return events;
}

function beginning(time: bigint): unknown[] {
  return [
    event("Received", time, "Task received by client", {}),
    event("Task Setup", time + 1_000_000n, "Building Task Directory", { message: "Building Task Directory" }),
    event("Started", time + second, "Task started by client", {}),
  ];
}

function event(type: string, time: bigint, message: string, details: Record<string, string>): unknown {
  return {
    Type: type,
    Time: exact(time),
    Message: "",
    DisplayMessage: message,
    Details: details,
    FailsTask: false,
    RestartReason: details.restart_reason ?? "",
    SetupError: "",
    DriverError: "",
    ExitCode: Number(details.exit_code ?? 0),
    Signal: 0,
    KillTimeout: 0,
    KillError: "",
    KillReason: "",
    StartDelay: type === "Restarting" ? Number(delay * second) : 0,
    DownloadError: "",
    ValidationError: "",
    DiskLimit: 0,
    FailedSibling: "",
    VaultError: "",
    TaskSignalReason: "",
    TaskSignal: "",
    DriverMessage: "",
    GenericSource: "",
  };
}

/** What the event stream says of an allocation besides. */
const resources = {
  Resources: {
    CPU: 20,
    Cores: 0,
    MemoryMB: 16,
    MemoryMaxMB: 16,
    DiskMB: 300,
    IOPS: 0,
    Networks: null,
    Devices: null,
  },
  Metrics: { NodesEvaluated: 1, NodesFiltered: 0, NodesAvailable: { dc1: 1 }, AllocationTime: 85018 },
};

/** The number with all its digits. */
function exact(number: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(number));
}
