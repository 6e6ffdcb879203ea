// The sliding windows of all keys: the restarts that still count, each once, in the order in which they leave. Numbers in
// columns, not objects: a million keys with two restarts each take 80 MB. No clock, no I/O.
import { blockRows, ChunkedColumns, within } from "../../lib/offheap/chunked_columns.ts";
import type { Nanoseconds } from "../../lib/duration.ts";

/** A counted restart. */
export interface Counted {
  /** `TaskEvent.Time`; with `identity` it identifies the restart within its key. */
  readonly time: Nanoseconds;
  /** Allocation and task, as an integer up to 2^53. */
  readonly identity: number;
  /** When it counts no longer. */
  readonly leavesAt: Nanoseconds;
  /** Its number in the order of arrival, among all restarts. */
  readonly arrival: number;
}

/** All windows, each under a number. Adding the restart that leaves last and dropping those that left take constant
 * time each. */
export class Windows {
  readonly #windows = new ChunkedColumns(() => ({
    /** Row of the restart that leaves first, and of the one that leaves last; -1 while empty. */
    first: new Int32Array(blockRows).fill(-1),
    last: new Int32Array(blockRows).fill(-1),
    size: new Int32Array(blockRows),
    /** Holds a restart so far in the future that it leaves before its own time. */
    odd: new Uint8Array(blockRows),
  }));
  readonly #restarts = new ChunkedColumns(() => ({
    times: new BigInt64Array(blockRows),
    leaving: new BigInt64Array(blockRows),
    identities: new Float64Array(blockRows),
    arrivals: new Float64Array(blockRows),
    /** The neighbours in the window's list; of a free row, `next` is the next free one. */
    next: new Int32Array(blockRows),
    previous: new Int32Array(blockRows),
  }));
  #free = -1;
  /** No row from here on was ever used. */
  #fresh = 0;

  /** How many rows were used at one time, at the peak. */
  get peakRows(): number {
    return this.#fresh;
  }

  /** How many restarts are in a window. */
  size(window: number): number {
    return this.#windows.of(window).size[within(window)]!;
  }

  /** When the last restart leaves. Only for a window that is not empty. */
  emptyAt(window: number): Nanoseconds {
    return this.#leaving(this.#windows.of(window).last[within(window)]!);
  }

  /** Adds a restart in its place; returns false if it is there already. */
  add(window: number, restart: Counted): boolean {
    const { last, size, odd } = this.#windows.of(window);
    const at = within(window);
    if (size[at] === 0) odd[at] = 0;
    if (restart.leavesAt <= restart.time) odd[at] = 1;
    let before = last[at]!;
    while (before >= 0 && this.#leaving(before) > restart.leavesAt) before = this.#previous(before);
    if (odd[at] ? this.#isAmong(restart, last[at]!) : this.#isBeside(restart, before)) return false;
    this.#insert(window, before, restart);
    return true;
  }

  /** Drops the restarts that leave at this time or before it. */
  drop(window: number, now: Nanoseconds): void {
    const { first } = this.#windows.of(window);
    const at = within(window);
    while (first[at]! >= 0 && this.#leaving(first[at]!) <= now) this.#dropFirst(window);
  }

  /** Drops the restart that leaves first. Only for a window that is not empty. */
  dropFirst(window: number): Counted {
    const dropped = this.#read(this.#windows.of(window).first[within(window)]!);
    this.#dropFirst(window);
    return dropped;
  }

  /** The times in a window, in order of arrival. */
  times(window: number): Nanoseconds[] {
    const rows: number[] = [];
    let row = this.#windows.of(window).first[within(window)]!;
    for (; row >= 0; row = this.#next(row)) rows.push(row);
    return rows.sort((a, b) => this.#arrival(a) - this.#arrival(b))
      .map((row) => this.#restarts.of(row).times[within(row)]!);
  }

  #leaving(row: number): Nanoseconds {
    return this.#restarts.of(row).leaving[within(row)]!;
  }

  #arrival(row: number): number {
    return this.#restarts.of(row).arrivals[within(row)]!;
  }

  #next(row: number): number {
    return this.#restarts.of(row).next[within(row)]!;
  }

  #previous(row: number): number {
    return this.#restarts.of(row).previous[within(row)]!;
  }

  /** Restarts of one time leave together, so the same restart is among the last ones before the place. */
  #isBeside(restart: Counted, row: number): boolean {
    for (; row >= 0 && this.#leaving(row) === restart.leavesAt; row = this.#previous(row)) {
      if (this.#isSame(restart, row)) return true;
    }
    return false;
  }

  /** When an odd one leaves depends on when it came: the same restart can be anywhere, from this row down. */
  #isAmong(restart: Counted, row: number): boolean {
    for (; row >= 0; row = this.#previous(row)) if (this.#isSame(restart, row)) return true;
    return false;
  }

  #isSame({ time, identity }: Counted, row: number): boolean {
    const { times, identities } = this.#restarts.of(row);
    return times[within(row)] === time && identities[within(row)] === identity;
  }

  #insert(window: number, before: number, { time, identity, leavesAt, arrival }: Counted): void {
    const { first, last, size } = this.#windows.of(window);
    const at = within(window);
    const row = this.#take();
    const after = before < 0 ? first[at]! : this.#next(before);
    const restarts = this.#restarts.of(row);
    const there = within(row);
    restarts.times[there] = time;
    restarts.leaving[there] = leavesAt;
    restarts.identities[there] = identity;
    restarts.arrivals[there] = arrival;
    restarts.previous[there] = before;
    restarts.next[there] = after;
    if (before < 0) first[at] = row;
    else this.#restarts.of(before).next[within(before)] = row;
    if (after < 0) last[at] = row;
    else this.#restarts.of(after).previous[within(after)] = row;
    size[at]!++;
  }

  #dropFirst(window: number): void {
    const { first, last, size } = this.#windows.of(window);
    const at = within(window);
    const row = first[at]!;
    const after = this.#next(row);
    first[at] = after;
    if (after < 0) last[at] = -1;
    else this.#restarts.of(after).previous[within(after)] = -1;
    size[at]!--;
    this.#restarts.of(row).next[within(row)] = this.#free;
    this.#free = row;
  }

  #take(): number {
    if (this.#free < 0) return this.#fresh++;
    const row = this.#free;
    this.#free = this.#next(row);
    return row;
  }

  #read(row: number): Counted {
    const { times, identities, leaving, arrivals } = this.#restarts.of(row);
    const at = within(row);
    return { time: times[at]!, identity: identities[at]!, leavesAt: leaving[at]!, arrival: arrivals[at]! };
  }
}
