// What is to be done when: a binary heap of things by their time. No clock, no I/O.
import type { Nanoseconds } from "./duration.ts";

/** A thing that can stand in an agenda, once. */
export interface Planned {
  /** When it is due. Only the agenda changes it. */
  wakeAt: Nanoseconds;
  /** Where it stands in the agenda; -1 while it does not. */
  place: number;
}

/** Things, the earliest first. Adding, moving and taking one cost the logarithm of how many there are. */
export class Agenda<T extends Planned> {
  readonly #heap: T[] = [];

  /** The time of the earliest thing. */
  get next(): Nanoseconds | undefined {
    return this.#heap[0]?.wakeAt;
  }

  /** Puts a thing down for a time; one that stands there already is moved. */
  set(thing: T, wakeAt: Nanoseconds): void {
    if (thing.place < 0) {
      thing.wakeAt = wakeAt;
      this.#up(thing, this.#heap.length);
    } else {
      const earlier = wakeAt < thing.wakeAt;
      thing.wakeAt = wakeAt;
      if (earlier) this.#up(thing, thing.place);
      else this.#down(thing, thing.place);
    }
  }

  /** Takes the earliest thing. */
  take(): T | undefined {
    const earliest = this.#heap[0];
    if (earliest === undefined) return undefined;
    const last = this.#heap.pop()!;
    if (last !== earliest) this.#down(last, 0);
    earliest.place = -1;
    return earliest;
  }

  #up(thing: T, place: number): void {
    while (place > 0) {
      const above = (place - 1) >>> 1;
      if (this.#heap[above]!.wakeAt <= thing.wakeAt) break;
      this.#put(this.#heap[above]!, place);
      place = above;
    }
    this.#put(thing, place);
  }

  #down(thing: T, place: number): void {
    const heap = this.#heap;
    for (;;) {
      let below = 2 * place + 1;
      if (below + 1 < heap.length && heap[below + 1]!.wakeAt < heap[below]!.wakeAt) below++;
      if (below >= heap.length || heap[below]!.wakeAt >= thing.wakeAt) break;
      this.#put(heap[below]!, place);
      place = below;
    }
    this.#put(thing, place);
  }

  #put(thing: T, place: number): void {
    this.#heap[place] = thing;
    thing.place = place;
  }
}
