// What is to be done when: a binary heap of things by their time. No clock, no I/O.
import type { Nanoseconds } from "./duration.ts";

/** A thing that can stand in an agenda, once. */
export interface Planned {
  /** Where it stands in the agenda; -1 while it does not. Only the agenda changes it. */
  place: number;
}

/** Things, the earliest first. Adding, moving and taking one cost the logarithm of how many there are. */
export class Agenda<T extends Planned> {
  readonly #heap: T[] = [];
  /** The times of the things in the heap, in their places; 64 bits each. */
  #times = new BigInt64Array(64);

  /** The time of the earliest thing. */
  get next(): Nanoseconds | undefined {
    return this.#heap.length > 0 ? this.#times[0] : undefined;
  }

  /** Puts a thing down for a time of at most 64 bits; one that stands there already is moved. */
  set(thing: T, wakeAt: Nanoseconds): void {
    const { place } = thing;
    if (place < 0) this.#up(thing, wakeAt, this.#heap.length);
    else if (wakeAt < this.#times[place]!) this.#up(thing, wakeAt, place);
    else this.#down(thing, wakeAt, place);
  }

  /** Takes the earliest thing. */
  take(): T | undefined {
    const earliest = this.#heap[0];
    if (earliest === undefined) return undefined;
    const end = this.#heap.length - 1;
    const last = this.#heap.pop()!;
    if (last !== earliest) this.#down(last, this.#times[end]!, 0);
    earliest.place = -1;
    return earliest;
  }

  #up(thing: T, wakeAt: Nanoseconds, place: number): void {
    while (place > 0) {
      const above = (place - 1) >>> 1;
      if (this.#times[above]! <= wakeAt) break;
      this.#put(this.#heap[above]!, this.#times[above]!, place);
      place = above;
    }
    this.#put(thing, wakeAt, place);
  }

  #down(thing: T, wakeAt: Nanoseconds, place: number): void {
    const { length } = this.#heap;
    for (;;) {
      let below = 2 * place + 1;
      if (below + 1 < length && this.#times[below + 1]! < this.#times[below]!) below++;
      if (below >= length || this.#times[below]! >= wakeAt) break;
      this.#put(this.#heap[below]!, this.#times[below]!, place);
      place = below;
    }
    this.#put(thing, wakeAt, place);
  }

  #put(thing: T, wakeAt: Nanoseconds, place: number): void {
    if (place >= this.#times.length) this.#grow();
    this.#heap[place] = thing;
    this.#times[place] = wakeAt;
    thing.place = place;
  }

  #grow(): void {
    const times = new BigInt64Array(Math.ceil(this.#times.length * 1.5));
    times.set(this.#times);
    this.#times = times;
  }
}
