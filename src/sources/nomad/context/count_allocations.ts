// How much of a task group loops. No I/O, no clock.
import type { AlertContext } from "../../../detection/alert/details.ts";
import { keyOf, nameOf } from "../../../detection/decode/task_key.ts";
import type { JobDefinition } from "../jobs/job_definition.ts";
import type { WantedAllocation } from "./job_questions.ts";

/** A task group, and what Nomad says of it. */
export interface TaskGroup {
  readonly namespace: string;
  readonly job: string;
  readonly group: string;
  /** One of its tasks: the one that loops. */
  readonly task: string;
  readonly definition: JobDefinition | undefined;
  readonly allocations: readonly WantedAllocation[];
}

/** Maximum places of a service that are looked at without an allocation there. */
const maxCount = 10_000;

/** A place in the group, of which one allocation after the other is. */
interface Place {
  readonly name: string;
  /** Set of a system job, which has one place on every node. */
  readonly node?: string;
  readonly tasks: readonly string[];
  readonly isRunning: boolean;
}

/** Counts the places of the group: all that should run, those that loop, and those that run and do not loop. */
export function countAllocations(
  group: TaskGroup,
  isActive: (name: string) => boolean,
): NonNullable<AlertContext["Allocations"]> {
  const places = placesOf(group);
  const [looping, others] = [[] as Place[], [] as Place[]];
  for (const place of places) (loops(place, group, isActive) ? looping : others).push(place);
  return {
    Total: places.length,
    Looping: looping.length,
    Running: others.filter(({ isRunning }) => isRunning).length,
  };
}

/** Of a service also those that have no allocation at the moment, as the job's definition says. */
function placesOf({ job, group, definition, allocations }: TaskGroup): Place[] {
  const newest = new Map<string, WantedAllocation>();
  for (const allocation of allocations) {
    if (allocation.group !== group) continue;
    const place = isSystem(allocation) ? `${allocation.name} ${allocation.node}` : allocation.name;
    const known = newest.get(place);
    if (known === undefined || known.createIndex < allocation.createIndex) newest.set(place, allocation);
  }
  const places = [...newest.values()].map((allocation): Place => ({
    name: allocation.name,
    ...(isSystem(allocation) ? { node: allocation.node } : {}),
    tasks: allocation.tasks,
    isRunning: allocation.status === "running",
  }));
  const first = [...newest.values()][0];
  if (first?.jobType !== "service") return places;
  const count = definition?.tasks.find((task) => task.group === group)?.count ?? 0;
  const names = Array.from({ length: Math.min(count, maxCount) }, (_, index) => `${job}.${group}[${index}]`);
  const missing = names.filter((name) => !newest.has(name));
  return [...places, ...missing.map((name) => ({ name, tasks: [], isRunning: false }))];
}

function isSystem({ jobType }: WantedAllocation): boolean {
  return jobType === "system" || jobType === "sysbatch";
}

/** By both rules: `failures` knows tasks, `restarts` allocations. */
function loops({ name, node, tasks }: Place, group: TaskGroup, isActive: (name: string) => boolean): boolean {
  const { namespace, job } = group;
  if (isActive(`${namespace}/${name}`)) return true;
  const update = {
    Namespace: namespace,
    JobID: job,
    GroupName: group.group,
    ...(node === undefined ? {} : { JobType: "system", NodeID: node }),
  };
  return [...new Set([...tasks, group.task])].some((task) =>
    isActive(nameOf(keyOf({ ...update, TaskName: task }, name)))
  );
}
