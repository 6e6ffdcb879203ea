// The restarts of one name that still count: in order of time, each once. No clock, no I/O.
import type { Nanoseconds } from "./duration.ts";

/** What a window keeps of a restart; allocation, task and time identify it. */
export interface Counted {
  readonly time: Nanoseconds;
  readonly allocation: string;
  readonly task: string;
  /** Its place in the order of arrival. */
  readonly arrival: number;
}

/**
 * Restarts sorted by time. Adding one that is the newest and dropping the oldest take constant time, which is
 * what a stream in order does; one that comes late is moved into its place.
 */
export class Window {
  #restarts: Counted[] = [];
  /** Restarts before this index are dropped, and cleared away now and then. */
  #first = 0;
  #arrivals = 0;

  /** How many restarts are in the window. */
  get size(): number {
    return this.#restarts.length - this.#first;
  }

  /** The time of the newest restart. Only for a window that is not empty. */
  get newest(): Nanoseconds {
    return this.#restarts.at(-1)!.time;
  }

  /** Adds a restart; false if it is there already. */
  add(restart: Omit<Counted, "arrival">): boolean {
    const place = this.#placeOf(restart);
    const there = this.#restarts[place];
    if (there !== undefined && compare(there, restart) === 0) return false;
    const { time, allocation, task } = restart;
    const counted = { time, allocation, task, arrival: this.#arrivals++ };
    if (place === this.#restarts.length) this.#restarts.push(counted);
    else this.#restarts.splice(place, 0, counted);
    return true;
  }

  /** Drops the restarts of this time and before it. */
  drop(until: Nanoseconds): void {
    while (this.#first < this.#restarts.length && this.#restarts[this.#first]!.time <= until) this.#first++;
    if (this.#first > 32 && this.#first * 2 > this.#restarts.length) {
      this.#restarts = this.#restarts.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The times in the window, in order of arrival. */
  times(): Nanoseconds[] {
    return this.#restarts.slice(this.#first).sort((a, b) => a.arrival - b.arrival).map(({ time }) => time);
  }

  /** Index of the restart, or of where it belongs. */
  #placeOf(restart: Omit<Counted, "arrival">): number {
    let low = this.#first;
    let high = this.#restarts.length;
    if (high > low && compare(this.#restarts[high - 1]!, restart) < 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#restarts[middle]!, restart) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

type Identity = Omit<Counted, "arrival">;

function compare(a: Identity, b: Identity): number {
  return order(a.time, b.time) || order(a.allocation, b.allocation) || order(a.task, b.task);
}

function order<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
