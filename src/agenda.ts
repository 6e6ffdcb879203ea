// What is to be done when: a binary heap of things by their time. No clock, no I/O.
import type { Nanoseconds } from "./duration.ts";

interface Entry<T> {
  readonly at: Nanoseconds;
  readonly thing: T;
}

/** Things, the earliest first. Adding and taking one cost the logarithm of how many there are. */
export class Agenda<T> {
  readonly #heap: Entry<T>[] = [];

  /** The time of the earliest thing. */
  get next(): Nanoseconds | undefined {
    return this.#heap[0]?.at;
  }

  /** Puts a thing down for a time. */
  add(at: Nanoseconds, thing: T): void {
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (heap[parent]!.at <= at) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = { at, thing };
  }

  /** Takes the earliest thing. */
  take(): Entry<T> | undefined {
    const heap = this.#heap;
    const earliest = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return earliest;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (child >= heap.length || heap[child]!.at >= last.at) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return earliest;
  }
}
