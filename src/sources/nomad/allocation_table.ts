// What is kept of every allocation, by id: a map whose values are numbers in columns, since there can be a hundred
// thousand and each is looked at in every listing. 100,000 with one task each are 16 MB.

/** What is known of a task. */
export interface TrackedTask {
  readonly name: string;
  /** Its last event; the time to some 256 ns, which is enough to find the event again among ten. */
  readonly type: string;
  readonly time: number;
  readonly restarts: number;
}

/** What is known of an allocation. */
export interface TrackedAllocation {
  /** Raft index and time, about, of its last change. */
  readonly index: number;
  readonly time: number;
  readonly desired: string;
  /** Empty where it is not known. */
  readonly jobType: string;
  readonly tasks: readonly TrackedTask[];
}

/** A compact map from ids of allocations to what is known of them. */
export class AllocationTable {
  readonly #rows = new Map<string, number>();
  readonly #words = new Words();
  readonly #allocations = new Columns({
    index: Float64Array,
    time: Float64Array,
    desired: Int32Array,
    jobType: Int32Array,
    /** The round in which it was touched last. */
    round: Int32Array,
    /** Row of the first task; -1 for none. */
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
    return this.#rows.size;
  }

  get(id: string): TrackedAllocation | undefined {
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    const { index, time, desired, jobType, tasks } = this.#allocations.columns;
    return {
      index: index[row]!,
      time: time[row]!,
      desired: this.#words.read(desired[row]!),
      jobType: this.#words.read(jobType[row]!),
      tasks: this.#readTasks(tasks[row]!),
    };
  }

  set(id: string, known: TrackedAllocation): void {
    let row = this.#rows.get(id);
    if (row === undefined) {
      this.#rows.set(id, row = this.#allocations.add());
      this.#allocations.columns.tasks[row] = -1;
    }
    const { index, time, desired, jobType, tasks } = this.#allocations.columns;
    index[row] = known.index;
    time[row] = known.time;
    desired[row] = this.#words.write(known.desired);
    jobType[row] = this.#words.write(known.jobType);
    this.#freeTasks(tasks[row]!);
    tasks[row] = this.#writeTasks(known.tasks);
  }

  /** Says in which round the allocation was seen. */
  touch(id: string, round: number): void {
    const row = this.#rows.get(id);
    if (row !== undefined) this.#allocations.columns.round[row] = round;
  }

  /** Deletes those that were not touched in this round. Yields their ids. */
  deleteUntouched(round: number): string[] {
    const deleted: string[] = [];
    for (const [id, row] of this.#rows) {
      if (this.#allocations.columns.round[row] === round) continue;
      this.#freeTasks(this.#allocations.columns.tasks[row]!);
      this.#allocations.free(row);
      this.#rows.delete(id);
      deleted.push(id);
    }
    return deleted;
  }

  #readTasks(first: number): TrackedTask[] {
    const { name, type, time, restarts, next } = this.#tasks.columns;
    const tasks: TrackedTask[] = [];
    for (let row = first; row >= 0; row = next[row]!) {
      tasks.push({
        name: this.#words.read(name[row]!),
        type: this.#words.read(type[row]!),
        time: time[row]!,
        restarts: restarts[row]!,
      });
    }
    return tasks;
  }

  #writeTasks(tasks: readonly TrackedTask[]): number {
    let first = -1;
    for (const task of tasks.toReversed()) {
      const row = this.#tasks.add();
      const { name, type, time, restarts, next } = this.#tasks.columns;
      name[row] = this.#words.write(task.name);
      type[row] = this.#words.write(task.type);
      time[row] = task.time;
      restarts[row] = task.restarts;
      next[row] = first;
      first = row;
    }
    return first;
  }

  #freeTasks(first: number): void {
    for (let row = first, next; row >= 0; row = next) {
      next = this.#tasks.columns.next[row]!;
      this.#tasks.free(row);
    }
  }
}

/** Strings as numbers: names of tasks and types of events, of which there are few. */
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
type Made<Kinds> = {
  -readonly [K in keyof Kinds]: Kinds[K] extends { new (size: number): infer T } ? T : never;
};

/** Columns that grow together, and which of their rows are free. */
class Columns<Kinds extends Record<string, { new (size: number): Column }>> {
  readonly columns: Made<Kinds>;
  readonly #kinds: Kinds;
  #capacity = 0;
  #used = 0;
  readonly #free: number[] = [];

  constructor(kinds: Kinds) {
    this.#kinds = kinds;
    this.columns = {} as Made<Kinds>;
    this.#grow(256);
  }

  /** A free row, with whatever stood in it. */
  add(): number {
    const row = this.#free.pop() ?? this.#used++;
    if (row >= this.#capacity) this.#grow(Math.ceil(this.#capacity * 1.5));
    return row;
  }

  free(row: number): void {
    this.#free.push(row);
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
