// The restarts that still count, of all names: each once, in the order in which they leave. No clock, no I/O.
// Numbers in columns, not objects: a million names with two restarts each are 70 MB.
import type { Nanoseconds } from "./duration.ts";

/** What is kept of a restart. */
export interface Counted {
  /** `TaskEvent.Time`; with `identity` it tells the restart from all others of its name. */
  readonly time: Nanoseconds;
  /** Allocation and task, as a whole number up to 2^53. */
  readonly identity: number;
  /** When it counts no longer. */
  readonly leavesAt: Nanoseconds;
  /** Its place in the order of arrival, among all restarts. */
  readonly arrival: number;
}

/** The window of one name: a list that begins with the restart that leaves first. */
export class Window {
  /** Row of the restart that leaves first, and of the one that leaves last; -1 while empty. */
  first = -1;
  last = -1;
  size = 0;
  /** Holds a restart so far in the future that it leaves before its own time. */
  odd = false;
}

/** All windows. Adding the restart that leaves last and dropping those that left take constant time each. */
export class Windows {
  #capacity = 0;
  #times = new BigInt64Array();
  #leaving = new BigInt64Array();
  #identities = new Float64Array();
  #arrivals = new Float64Array();
  /** The neighbours in the window's list; of a free row, `#next` is the next free one. */
  #next = new Int32Array();
  #previous = new Int32Array();
  #free = -1;

  /** When the last restart leaves. Only for a window that is not empty. */
  emptyAt(window: Window): Nanoseconds {
    return this.#leaving[window.last]!;
  }

  /** Adds a restart in its place; false if it is there already. */
  add(window: Window, restart: Counted): boolean {
    if (window.size === 0) window.odd = false;
    if (restart.leavesAt <= restart.time) window.odd = true;
    let before = window.last;
    while (before >= 0 && this.#leaving[before]! > restart.leavesAt) before = this.#previous[before]!;
    if (window.odd ? this.#isAmong(restart, window.last) : this.#isBeside(restart, before)) return false;
    this.#insert(window, before, restart);
    return true;
  }

  /** Drops the restarts that leave at this time or before it. */
  drop(window: Window, now: Nanoseconds): void {
    while (window.size > 0 && this.#leaving[window.first]! <= now) this.dropFirst(window);
  }

  /** Drops the restart that leaves first. Only for a window that is not empty. */
  dropFirst(window: Window): Counted {
    const row = window.first;
    const dropped = this.#read(row);
    window.first = this.#next[row]!;
    if (window.first < 0) window.last = -1;
    else this.#previous[window.first] = -1;
    window.size--;
    this.#next[row] = this.#free;
    this.#free = row;
    return dropped;
  }

  /** The times in a window, in order of arrival. */
  times(window: Window): Nanoseconds[] {
    const rows: number[] = [];
    for (let row = window.first; row >= 0; row = this.#next[row]!) rows.push(row);
    return rows.sort((a, b) => this.#arrivals[a]! - this.#arrivals[b]!).map((row) => this.#times[row]!);
  }

  /** Restarts of one time leave together: the same one stands at the end of those before the place. */
  #isBeside(restart: Counted, row: number): boolean {
    for (; row >= 0 && this.#leaving[row] === restart.leavesAt; row = this.#previous[row]!) {
      if (this.#isSame(restart, row)) return true;
    }
    return false;
  }

  /** When an odd one leaves depends on when it came: the same one can stand anywhere, from this row down. */
  #isAmong(restart: Counted, row: number): boolean {
    for (; row >= 0; row = this.#previous[row]!) if (this.#isSame(restart, row)) return true;
    return false;
  }

  #isSame({ time, identity }: Counted, row: number): boolean {
    return this.#times[row] === time && this.#identities[row] === identity;
  }

  #insert(window: Window, before: number, { time, identity, leavesAt, arrival }: Counted): void {
    if (this.#free < 0) this.#grow();
    const row = this.#free;
    this.#free = this.#next[row]!;
    this.#times[row] = time;
    this.#leaving[row] = leavesAt;
    this.#identities[row] = identity;
    this.#arrivals[row] = arrival;
    const after = before < 0 ? window.first : this.#next[before]!;
    this.#previous[row] = before;
    this.#next[row] = after;
    if (before < 0) window.first = row;
    else this.#next[before] = row;
    if (after < 0) window.last = row;
    else this.#previous[after] = row;
    window.size++;
  }

  #read(row: number): Counted {
    return {
      time: this.#times[row]!,
      identity: this.#identities[row]!,
      leavesAt: this.#leaving[row]!,
      arrival: this.#arrivals[row]!,
    };
  }

  #grow(): void {
    const from = this.#capacity;
    const to = this.#capacity = Math.max(1024, Math.ceil(from * 1.25));
    const grown = <T extends { set(from: T): void }>(column: T, next: T): T => (next.set(column), next);
    this.#times = grown(this.#times, new BigInt64Array(to));
    this.#leaving = grown(this.#leaving, new BigInt64Array(to));
    this.#identities = grown(this.#identities, new Float64Array(to));
    this.#arrivals = grown(this.#arrivals, new Float64Array(to));
    this.#next = grown(this.#next, new Int32Array(to));
    this.#previous = grown(this.#previous, new Int32Array(to));
    for (let row = from; row < to; row++) this.#next[row] = row + 1 < to ? row + 1 : this.#free;
    this.#free = from;
  }
}
