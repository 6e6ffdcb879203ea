// Nomad's event stream as it was recorded, line by line, for a replay. No I/O, no clock.
import { Fault } from "../../lib/errors.ts";
import type { Allocation } from "./tracking/allocation.ts";
import { AllocationTracker } from "./tracking/allocation_tracker.ts";
import { readLine } from "./stream/event_stream.ts";

/** Turns the lines of a recorded event stream into the updates that the source `nomad` would make of them, without the
 * types of jobs, which the stream lacks. */
export class RecordedStream {
  readonly #known = new AllocationTracker();
  /** Time of the first change: allocations created later are new, and all of their restarts count. */
  #since: number | undefined;

  /** Yields the updates of a line. @throws {Fault} if it is malformed. */
  *take(line: Uint8Array): Generator<Uint8Array> {
    let isUnexpected = false;
    const { allocations } = readLine(decoder.decode(line), "the stream", () => isUnexpected = true);
    for (const allocation of allocations) yield* this.#newEvents(allocation);
    this.#known.takeChanges(); // unused here, and they would accumulate
    if (isUnexpected) throw new Fault("the stream sent an allocation that is not understood");
  }

  *#newEvents(allocation: Allocation): Generator<Uint8Array> {
    this.#since ??= allocation.ModifyTime;
    const isHistory = allocation.CreateTime <= this.#since;
    for (const { text } of this.#known.take(allocation, this.#known.jobTypeOf(allocation), isHistory)) {
      yield encoder.encode(text);
    }
  }
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
