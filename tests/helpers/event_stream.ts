// The recording of Nomad's event stream as updates: each task event once, in the shape of nomad-firehose, with what
// only Nomad itself says: namespace, node, type of the job.
import { gunzipSync } from "node:zlib";

// deno-lint-ignore no-explicit-any -- JSON of Nomad's, read as it is
type Json = any;

const fixtures = new URL("../fixtures/", import.meta.url);

async function unpacked(name: string): Promise<string> {
  return gunzipSync(await Deno.readFile(new URL(name, fixtures))).toString();
}

/** The updates of the recording, in the order of their events in the stream. */
export async function recordedUpdates(): Promise<string[]> {
  const list: Json[] = JSON.parse(await unpacked("allocations-310s.json.gz"));
  const jobTypes = new Map(list.map(({ ID, JobType }) => [ID, JobType]));
  const notified = new Set<string>();
  const updates: string[] = [];
  for (const line of (await unpacked("event-stream.ndjson.gz")).trimEnd().split("\n")) {
    for (const { Payload: { Allocation } } of JSON.parse(line, exactTimes).Events ?? []) {
      for (const [TaskName, state] of Object.entries<Json>(Allocation.TaskStates ?? {})) {
        for (const event of state.Events) {
          const identity = [Allocation.ID, TaskName, event.Type, event.Time].join(" ");
          if (notified.has(identity)) continue;
          notified.add(identity);
          updates.push(update(Allocation, TaskName, state, event, jobTypes.get(Allocation.ID)));
        }
      }
    }
  }
  return updates;
}

function update(allocation: Json, TaskName: string, state: Json, TaskEvent: Json, JobType: unknown): string {
  const { Name, NodeID, ID, DesiredStatus, DesiredDescription = "", ClientStatus, ClientDescription } =
    allocation;
  const fields = {
    Name,
    NodeID,
    AllocationID: ID,
    DesiredStatus,
    DesiredDescription,
    ClientStatus,
    ClientDescription,
    JobID: allocation.JobID,
    GroupName: allocation.TaskGroup,
    TaskName,
    EvalID: allocation.EvalID,
    TaskState: state.State,
    TaskFailed: state.Failed,
    TaskStartedAt: state.StartedAt ?? "0001-01-01T00:00:00Z",
    TaskFinishedAt: state.FinishedAt ?? "0001-01-01T00:00:00Z",
    TaskEvent,
    Namespace: allocation.Namespace,
    NodeName: allocation.NodeName,
    JobType,
    Restarts: state.Restarts,
    CreateIndex: allocation.CreateIndex,
  };
  return JSON.stringify(fields).replace(/"Time":"([0-9]+)"/, '"Time":$1');
}

/** Times have more digits than JavaScript's numbers. */
function exactTimes(key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  return key === "Time" ? source : value;
}
