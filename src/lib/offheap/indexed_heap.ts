// A binary heap of rows by their time, outside of V8's heap. No clock, no I/O.
import { blockRows, ChunkedColumns, within } from "./chunked_columns.ts";
import type { Nanoseconds } from "../duration.ts";

/** Rows, the earliest first. `set` and `take` are O(log n), `has` and `next` O(1). */
export class IndexedHeap {
  readonly #heap = new ChunkedColumns(() => ({
    rows: new Int32Array(blockRows),
    times: new BigInt64Array(blockRows),
  }));
  /** The position of a row in the heap, from 1; 0 if it is not there. */
  readonly #places = new ChunkedColumns(() => new Int32Array(blockRows));
  #length = 0;

  /** The time of the earliest row. */
  get next(): Nanoseconds | undefined {
    return this.#length > 0 ? this.#heap.of(0).times[0] : undefined;
  }

  /** Whether the heap contains the row. */
  has(row: number): boolean {
    return this.#places.of(row)[within(row)]! > 0;
  }

  /** Adds a row with its time of 64 bits, or moves it. */
  set(row: number, wakeAt: Nanoseconds): void {
    const place = this.#places.of(row)[within(row)]! - 1;
    if (place < 0) this.#up(row, wakeAt, this.#length++);
    else if (wakeAt < this.#timeAt(place)) this.#up(row, wakeAt, place);
    else this.#down(row, wakeAt, place);
  }

  /** Removes and returns the earliest row; -1 if there is none. */
  take(): number {
    if (this.#length === 0) return -1;
    const earliest = this.#rowAt(0);
    const end = --this.#length;
    if (end > 0) this.#down(this.#rowAt(end), this.#timeAt(end), 0);
    this.#places.of(earliest)[within(earliest)] = 0;
    return earliest;
  }

  #up(row: number, wakeAt: Nanoseconds, place: number): void {
    while (place > 0) {
      const above = (place - 1) >>> 1;
      if (this.#timeAt(above) <= wakeAt) break;
      this.#put(this.#rowAt(above), this.#timeAt(above), place);
      place = above;
    }
    this.#put(row, wakeAt, place);
  }

  #down(row: number, wakeAt: Nanoseconds, place: number): void {
    const length = this.#length;
    for (;;) {
      let below = 2 * place + 1;
      if (below + 1 < length && this.#timeAt(below + 1) < this.#timeAt(below)) below++;
      if (below >= length || this.#timeAt(below) >= wakeAt) break;
      this.#put(this.#rowAt(below), this.#timeAt(below), place);
      place = below;
    }
    this.#put(row, wakeAt, place);
  }

  #put(row: number, wakeAt: Nanoseconds, place: number): void {
    const { rows, times } = this.#heap.of(place);
    rows[within(place)] = row;
    times[within(place)] = wakeAt;
    this.#places.of(row)[within(row)] = place + 1;
  }

  #rowAt(place: number): number {
    return this.#heap.of(place).rows[within(place)]!;
  }

  #timeAt(place: number): Nanoseconds {
    return this.#heap.of(place).times[within(place)]!;
  }
}
