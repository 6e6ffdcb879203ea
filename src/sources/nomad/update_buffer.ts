// Holds updates back while the list is read, so that they can be passed on in the order of their times.
import type { NewEvent } from "./tracking/new_event.ts";

/** Maximum held updates, and milliseconds for which the first is held. */
const maxHeld = 2000;
const maxHoldTime = 1_000;

/** Updates to pass on in one batch. */
export class UpdateBuffer {
  #held: NewEvent[] = [];
  #since = 0;

  add(newEvents: readonly NewEvent[]): void {
    if (this.#held.length === 0) this.#since = performance.now();
    this.#held.push(...newEvents);
  }

  /** Adds updates before those that are held. */
  addFirst(newEvents: readonly NewEvent[]): void {
    const held = this.#held;
    this.#held = [];
    this.add(newEvents);
    this.#held.push(...held);
  }

  /** Whether they must be passed on now. */
  get isFull(): boolean {
    return this.#held.length >= maxHeld ||
      (this.#held.length > 0 && performance.now() - this.#since > maxHoldTime);
  }

  /** Takes all of them, sorted by time or as they came. */
  take(sorted: boolean): Uint8Array[] {
    const held = this.#held;
    this.#held = [];
    if (sorted) held.sort((a, b) => a.time - b.time);
    return encode(held);
  }
}

const utf8 = new TextEncoder();

/** The updates as bytes in one buffer: thousands of small ones would fragment the memory outside of the heap. */
function encode(newEvents: readonly NewEvent[]): Uint8Array[] {
  // Usually they have as many bytes as characters.
  const piece = new Uint8Array(newEvents.reduce((length, { text }) => length + text.length, 0));
  let start = 0;
  return newEvents.map(({ text }) => {
    const { read, written } = utf8.encodeInto(text, piece.subarray(start));
    if (read < text.length) return utf8.encode(text);
    return piece.subarray(start, start += written);
  });
}
