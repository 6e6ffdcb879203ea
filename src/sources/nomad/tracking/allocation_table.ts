// The tracked state of every allocation, by id: a map whose values are columns of numbers, since there can be a hundred
// thousand and every list compares each of them. 100,000 with one task each take 16 MB.

/** The last known state of a task. */
export interface TrackedTask {
  readonly name: string;
  /** Its last event; the time to about 256 ns, which is precise enough to find it among ten. */
  readonly type: string;
  readonly time: number;
  readonly restarts: number;
}

/** The last known state of an allocation. */
export interface TrackedAllocation {
  /** Raft index and approximate time of its last change. */
  readonly index: number;
  readonly time: number;
  readonly desired: string;
  /** Empty if unknown. */
  readonly jobType: string;
  readonly tasks: readonly TrackedTask[];
}

/** A compact map from the ids of allocations to their state. */
export class AllocationTable {
  readonly #slots = new Map<string, number>();
  readonly #words = new Words();
  readonly #allocations = new Columns({
    index: Float64Array,
    time: Float64Array,
    desired: Int32Array,
    jobType: Int32Array,
    /** The listing in which it was last seen. */
    round: Int32Array,
    /** Slot of the first task; -1 for none. */
    tasks: Int32Array,
  });
  readonly #tasks = new Columns({
    name: Int32Array,
    type: Int32Array,
    time: Float64Array,
    restarts: Float64Array,
    next: Int32Array,
  });

  get size(): number {
    return this.#slots.size;
  }

  get(id: string): TrackedAllocation | undefined {
    const slot = this.#slots.get(id);
    if (slot === undefined) return undefined;
    const { index, time, desired, jobType, tasks } = this.#allocations.columns;
    return {
      index: index[slot]!,
      time: time[slot]!,
      desired: this.#words.read(desired[slot]!),
      jobType: this.#words.read(jobType[slot]!),
      tasks: this.#readTasks(tasks[slot]!),
    };
  }

  set(id: string, known: TrackedAllocation): void {
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      this.#slots.set(id, slot = this.#allocations.add());
      this.#allocations.columns.tasks[slot] = -1;
    }
    const { index, time, desired, jobType, tasks } = this.#allocations.columns;
    index[slot] = known.index;
    time[slot] = known.time;
    desired[slot] = this.#words.write(known.desired);
    jobType[slot] = this.#words.write(known.jobType);
    this.#freeTasks(tasks[slot]!);
    tasks[slot] = this.#writeTasks(known.tasks);
  }

  /** Records in which listing the allocation was seen. */
  touch(id: string, round: number): void {
    const slot = this.#slots.get(id);
    if (slot !== undefined) this.#allocations.columns.round[slot] = round;
  }

  /** Deletes those not seen in this listing. Returns their ids. */
  deleteUntouched(round: number): string[] {
    const deleted: string[] = [];
    for (const [id, slot] of this.#slots) {
      if (this.#allocations.columns.round[slot] === round) continue;
      this.#freeTasks(this.#allocations.columns.tasks[slot]!);
      this.#allocations.free(slot);
      this.#slots.delete(id);
      deleted.push(id);
    }
    return deleted;
  }

  #readTasks(first: number): TrackedTask[] {
    const { name, type, time, restarts, next } = this.#tasks.columns;
    const tasks: TrackedTask[] = [];
    for (let slot = first; slot >= 0; slot = next[slot]!) {
      tasks.push({
        name: this.#words.read(name[slot]!),
        type: this.#words.read(type[slot]!),
        time: time[slot]!,
        restarts: restarts[slot]!,
      });
    }
    return tasks;
  }

  #writeTasks(tasks: readonly TrackedTask[]): number {
    let first = -1;
    for (const task of tasks.toReversed()) {
      const slot = this.#tasks.add();
      const { name, type, time, restarts, next } = this.#tasks.columns;
      name[slot] = this.#words.write(task.name);
      type[slot] = this.#words.write(task.type);
      time[slot] = task.time;
      restarts[slot] = task.restarts;
      next[slot] = first;
      first = slot;
    }
    return first;
  }

  #freeTasks(first: number): void {
    for (let slot = first, next; slot >= 0; slot = next) {
      next = this.#tasks.columns.next[slot]!;
      this.#tasks.free(slot);
    }
  }
}

/** Interns strings: names of tasks and types of events, of which there are few. */
class Words {
  readonly #numbers = new Map<string, number>();
  readonly #words: string[] = [];

  read(number: number): string {
    return this.#words[number]!;
  }

  write(word: string): number {
    let number = this.#numbers.get(word);
    if (number === undefined) this.#numbers.set(word, number = this.#words.push(word) - 1);
    return number;
  }
}

type Column = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
type Instances<Kinds> = {
  -readonly [K in keyof Kinds]: Kinds[K] extends { new (size: number): infer T } ? T : never;
};

/** Columns that grow together, with a list of free slots. */
class Columns<Kinds extends Record<string, { new (size: number): Column }>> {
  readonly columns: Instances<Kinds>;
  readonly #kinds: Kinds;
  #capacity = 0;
  #used = 0;
  readonly #free: number[] = [];

  constructor(kinds: Kinds) {
    this.#kinds = kinds;
    this.columns = {} as Instances<Kinds>;
    this.#grow(256);
  }

  /** Returns a free slot, with stale values. */
  add(): number {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#capacity) this.#grow(Math.ceil(this.#capacity * 1.5));
    return slot;
  }

  free(slot: number): void {
    this.#free.push(slot);
  }

  #grow(capacity: number): void {
    for (const [name, Kind] of Object.entries(this.#kinds)) {
      const grown = new Kind(capacity);
      const column = (this.columns as Record<string, Column>)[name];
      if (column !== undefined) grown.set(column);
      (this.columns as Record<string, Column>)[name] = grown;
    }
    this.#capacity = capacity;
  }
}
