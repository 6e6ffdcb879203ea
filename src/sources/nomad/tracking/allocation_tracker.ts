// Tracks the state of every allocation, finds the new events in each of its updates, and saves the state for the next
// start. No I/O, no clock.
import { parseTime } from "../../../lib/time.ts";
import type { NewEvent } from "./new_event.ts";
import { AllocationTable, type TrackedAllocation, type TrackedTask } from "./allocation_table.ts";
import type { Allocation, TaskEvent, TaskState } from "./allocation.ts";
import { UpdateWriter } from "./update_writer.ts";

/** The allocations of a cluster. */
export class AllocationTracker {
  readonly #known = new AllocationTable();
  #listing = 0;
  /** Ids of those that changed since `takeChanges`. */
  #changed = new Set<string>();

  /** The number of allocations. */
  get size(): number {
    return this.#known.size;
  }

  /** The type of an allocation's job, if an allocation of that job is known. */
  jobTypeOf({ ID, JobType, PreviousAllocation = "" }: Allocation): string | undefined {
    return JobType || this.#known.get(ID)?.jobType || this.#known.get(PreviousAllocation)?.jobType ||
      undefined;
  }

  /** Restores what `takeChanges` returned. An unreadable value is ignored. */
  restore(id: string, value: string): void {
    try {
      const [index, time, desired, jobType, ...tasks] = JSON.parse(value);
      this.#known.set(id, {
        index,
        time,
        desired,
        jobType,
        tasks: tasks.map(([name, type, time, restarts]: [string, string, number, number]) => (
          { name, type, time, restarts }
        )),
      });
    } catch {
      // The allocation is treated as new.
    }
  }

  /** What changed since the last call, by id: JSON, or undefined for a deleted allocation. */
  takeChanges(): Map<string, string | undefined> {
    const texts = new Map<string, string | undefined>();
    for (const id of this.#changed) {
      const known = this.#known.get(id);
      texts.set(id, known && write(known));
    }
    this.#changed = new Set();
    return texts;
  }

  /** Starts a listing: allocations not seen until `endListing` are gone. */
  beginListing(): void {
    this.#listing++;
  }

  /** Forgets the allocations that were not seen since `beginListing`. */
  endListing(): void {
    for (const id of this.#known.deleteUntouched(this.#listing)) this.#changed.add(id);
  }

  /**
   * Takes the state of an allocation and returns its new events. `isHistory`: for an allocation that is not tracked yet,
   * restarts that no event shows are not counted.
   *
   * Nomad keeps the last ten events of a task, so restarts can be missing. Example: the counter `Restarts` is 7, the
   * new events show 2 restarts, and 3 were counted before: 7 - 3 - 2 = 2 were missed, and the first of the new restarts
   * carries them.
   */
  take(allocation: Allocation, jobType: string | undefined, isHistory: boolean): NewEvent[] {
    const { ID: id, DesiredStatus: desired, ModifyIndex: index, ModifyTime: time } = allocation;
    const known = this.#known.get(id);
    this.#known.touch(id, this.#listing);
    if (known !== undefined && isOlder(allocation, known)) return [];
    const isEnd = desired !== (known?.desired ?? "run") && desired !== "run";
    const newEvents: NewEvent[] = [];
    const tasks: TrackedTask[] = [];
    for (const [name, state] of Object.entries(allocation.TaskStates ?? {})) {
      const task = known?.tasks.find((task) => task.name === name);
      const writer = () => new UpdateWriter(allocation, name, state, jobType);
      newEvents.push(...newEventsOf(state, task, writer, known === undefined && isHistory, isEnd));
      const last = state.Events?.at(-1);
      if (last !== undefined) tasks.push(knownOf(name, last, state, task));
      else if (task !== undefined) tasks.push(task);
    }
    this.#known.set(id, { index, time, desired, jobType: jobType ?? "", tasks });
    this.#known.touch(id, this.#listing);
    if (newEvents.length > 0 || isEnd || (known === undefined && isHistory)) this.#changed.add(id);
    return newEvents;
  }
}

/** Whether it holds nothing new. Neither time nor index suffices: clocks are set, and the index of a restored server goes
 * back. */
function isOlder({ ModifyIndex, ModifyTime }: Allocation, { index, time }: TrackedAllocation): boolean {
  return ModifyIndex <= index && ModifyTime <= time;
}

function knownOf(
  name: string,
  { Type, Time }: TaskEvent,
  state: TaskState,
  before: TrackedTask | undefined,
): TrackedTask {
  // A client that lost its data counts from zero again; what it counted before has been passed on.
  const restarts = Math.max(before?.restarts ?? 0, state.Restarts ?? 0);
  return { name, type: Type, time: Number(Time), restarts };
}

function newEventsOf(
  state: TaskState,
  known: TrackedTask | undefined,
  writer: () => UpdateWriter,
  isHistory: boolean,
  isEnd: boolean,
): NewEvent[] {
  const { Events, Restarts: restarts = 0 } = state;
  const events = Events ?? [];
  // If the last known event is not among them, all of them are new.
  const first = known === undefined ? 0 : lastIndexOf(events, known) + 1;
  const seen = countRestarts(events, first);
  const before = known?.restarts ?? (isHistory ? restarts : 0);
  const missed = Math.max(0, restarts - before - seen);
  const isAfterGap = known !== undefined && first === 0;
  if (first < events.length || missed > 0) {
    return writeEvents(state, first, seen, missed, isAfterGap, writer());
  }
  const last = events.at(-1);
  if (!isEnd || last === undefined) return [];
  return [{ text: writer().write(last, { restarts, missed: 0 }), time: Number(last.Time) }];
}

/** Writes the events of a task from `first` on: `seen` of them are restarts, before which `missed` restarts happened.
 * `isAfterGap`: other events before them were missed as well. */
function writeEvents(
  state: TaskState,
  first: number,
  seen: number,
  missed: number,
  isAfterGap: boolean,
  writer: UpdateWriter,
): NewEvent[] {
  const { Events, Restarts = 0, LastRestart } = state;
  const newEvents: NewEvent[] = [];
  let restarts = Restarts - seen;
  const time = LastRestart ? parseTime(LastRestart) : undefined;
  if (missed > 0 && seen === 0 && time !== undefined) {
    const counts = { restarts, missed: missed - 1, afterGap: isAfterGap };
    newEvents.push({ text: writer.writeRestart(String(time), counts), time: Number(time) });
  }
  for (const event of (Events ?? []).slice(first)) {
    let before = 0;
    if (event.Type === "Restarting" && restarts++ === Restarts - seen) before = missed;
    const afterGap = isAfterGap && newEvents.length === 0;
    newEvents.push({
      text: writer.write(event, { restarts, missed: before, afterGap }),
      time: Number(event.Time),
    });
  }
  return newEvents;
}

function countRestarts(events: readonly TaskEvent[], from: number): number {
  let count = 0;
  for (let at = from; at < events.length; at++) if (events[at]!.Type === "Restarting") count++;
  return count;
}

function lastIndexOf(events: readonly TaskEvent[], { type, time }: TrackedTask): number {
  return events.findLastIndex(({ Type, Time }) => Type === type && Number(Time) === time);
}

/** `[463,1795491838001234000,"run","service",["app","Started",1795491837996929000,9]]` */
function write({ index, time, desired, jobType, tasks }: TrackedAllocation): string {
  const written = tasks.map(({ name, type, time, restarts }) => [name, type, time, restarts]);
  return JSON.stringify([index, time, desired, jobType, ...written]);
}
