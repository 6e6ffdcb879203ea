// What is known of every allocation, to tell what is new in what Nomad says of it; and how that is kept over a
// restart. No I/O, no clock. Small: numbers and shared strings, since there can be a hundred thousand.
import {
  type Allocation,
  nanosecondsOf,
  type TaskEvent,
  type TaskState,
  UpdateWriter,
} from "./nomad_update.ts";

/** A task of a known allocation. */
interface KnownTask {
  readonly name: string;
  /** Its last event, and the time of it to some 256 ns: enough to find it again among ten. */
  type: string;
  time: number;
  restarts: number;
}

interface Known {
  /** Raft index and time, about, of its last change. */
  index: number;
  time: number;
  desired: string;
  /** The listing that it was seen in, or after. */
  listing: number;
  tasks: KnownTask[];
}

/** An update that is to be passed on. */
export interface News {
  readonly body: Uint8Array;
  /** Of its event, about. */
  readonly time: number;
}

/** Everything that is known. */
export class KnownAllocations {
  /** By id. */
  readonly #known = new Map<string, Known>();
  readonly #words = new Map<string, string>();
  #listing = 0;
  /** What changed since it was kept last, by id. */
  #changed = new Map<string, Known | undefined>();

  /** How many there are. */
  get size(): number {
    return this.#known.size;
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }

  /** Goes on from what `takeChanges` gave. What cannot be read is not known. */
  restore(id: string, value: string): void {
    try {
      const [index, time, desired, ...tasks] = JSON.parse(value);
      const known: Known = { index, time, desired: this.#word(desired), listing: 0, tasks: [] };
      known.tasks = tasks.map(([name, type, time, restarts]: [string, string, number, number]) => (
        { name: this.#word(name), type: this.#word(type), time, restarts }
      ));
      this.#known.set(id, known);
    } catch {
      // It will be taken for new.
    }
  }

  /** What changed since the last call, by id: a text, or undefined for what is forgotten. */
  takeChanges(): Map<string, string | undefined> {
    const texts = new Map<string, string | undefined>();
    for (const [id, known] of this.#changed) texts.set(id, known && write(known));
    this.#changed = new Map();
    return texts;
  }

  /** From here on, what is not seen before `endListing` is gone. */
  beginListing(): void {
    this.#listing++;
  }

  /** Forgets the allocations that were not seen since `beginListing`. */
  endListing(): void {
    for (const [id, { listing }] of this.#known) {
      if (listing === this.#listing) continue;
      this.#known.delete(id);
      this.#changed.set(id, undefined);
    }
  }

  /**
   * Takes what Nomad says of an allocation and tells what is new in it. `isHistory`: if it was not known so far,
   * restarts that no event shows are not counted.
   */
  take(allocation: Allocation, jobType: string | undefined, isHistory: boolean): News[] {
    const known = this.#known.get(allocation.ID);
    if (known !== undefined) {
      known.listing = this.#listing;
      if (isOlder(allocation, known)) return [];
    }
    const next: Known = known ?? { index: 0, time: 0, desired: "run", listing: this.#listing, tasks: [] };
    const ends = allocation.DesiredStatus !== next.desired && allocation.DesiredStatus !== "run";
    const news: News[] = [];
    for (const [name, state] of Object.entries(allocation.TaskStates ?? {})) {
      const writer = () => new UpdateWriter(allocation, name, state, jobType);
      news.push(...this.#takeTask(next, name, state, writer, known === undefined && isHistory, ends));
    }
    if (known === undefined) this.#known.set(allocation.ID, next);
    if (news.length > 0 || ends || (known === undefined && isHistory)) this.#changed.set(allocation.ID, next);
    next.index = allocation.ModifyIndex;
    next.time = allocation.ModifyTime;
    next.desired = this.#word(allocation.DesiredStatus);
    return news;
  }

  #takeTask(
    known: Known,
    name: string,
    state: TaskState,
    writer: () => UpdateWriter,
    isHistory: boolean,
    ends: boolean,
  ): News[] {
    const events = state.Events ?? [];
    let task = known.tasks.find((task) => task.name === name);
    // Without the last known event among them, all of them are new.
    const fresh = events.slice(task === undefined ? 0 : lastIndexOf(events, task) + 1);
    const restarts = state.Restarts ?? 0;
    const seen = fresh.filter(isRestart).length;
    const before = task?.restarts ?? (isHistory ? restarts : 0);
    const found = { fresh, restarts, notSeen: Math.max(0, restarts - before - seen) };
    const news = found.fresh.length > 0 || found.notSeen > 0 ? tell(found, state, writer()) : [];
    const last = events.at(-1);
    if (news.length === 0 && ends && last !== undefined) {
      news.push({ body: writer().write(last, { restarts, notSeen: 0 }), time: Number(last.Time) });
    }
    if (last === undefined) return news;
    if (task === undefined) {
      task = { name: this.#word(name), type: "", time: 0, restarts: 0 };
      known.tasks = [...known.tasks, task]; // without the room for more that push() makes
    }
    task.type = this.#word(last.Type);
    task.time = Number(last.Time);
    // A client that lost its data counts from zero again; what it counted before has been told.
    task.restarts = Math.max(task.restarts, restarts);
    return news;
  }

  /** The one string of these characters that all share. */
  #word(text: string): string {
    let word = this.#words.get(text);
    if (word === undefined) this.#words.set(text, word = text);
    return word;
  }
}

/** Whether it says nothing that is not known. Time alone does not tell, since clocks are set; nor the index, which
 * goes back where a server is restored. */
function isOlder({ ModifyIndex, ModifyTime }: Allocation, { index, time }: Known): boolean {
  return ModifyIndex <= index && ModifyTime <= time;
}

/** New events of a task, and how many restarts before them no event showed. */
interface Found {
  readonly fresh: readonly TaskEvent[];
  readonly restarts: number;
  readonly notSeen: number;
}

function tell({ fresh, restarts, notSeen }: Found, { LastRestart }: TaskState, writer: UpdateWriter): News[] {
  const news: News[] = [];
  let count = restarts - fresh.filter(isRestart).length;
  const time = LastRestart ? nanosecondsOf(LastRestart) : undefined;
  if (notSeen > 0 && !fresh.some(isRestart) && time !== undefined) {
    const counts = { restarts: count, notSeen: notSeen - 1 };
    news.push({ body: writer.writeRestart(time, counts), time: Number(time) });
  }
  for (const event of fresh) {
    const isFirstRestart = isRestart(event) && count++ === restarts - fresh.filter(isRestart).length;
    const counts = { restarts: count, notSeen: isFirstRestart ? notSeen : 0 };
    news.push({ body: writer.write(event, counts), time: Number(event.Time) });
  }
  return news;
}

function isRestart({ Type }: TaskEvent): boolean {
  return Type === "Restarting";
}

function lastIndexOf(events: readonly TaskEvent[], { type, time }: { type: string; time: number }): number {
  return events.findLastIndex(({ Type, Time }) => Type === type && Number(Time) === time);
}

/** `[463,1795491838001234000,"run",["app","Started",1795491837996929000,9]]` */
function write({ index, time, desired, tasks }: Known): string {
  return JSON.stringify([
    index,
    time,
    desired,
    ...tasks.map(({ name, type, time, restarts }) => [name, type, time, restarts]),
  ]);
}
