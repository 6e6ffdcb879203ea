// Nomad's event stream as it was recorded, line by line, for a replay. No I/O, no clock.
import { Fault } from "../../lib/errors.ts";
import type { Allocation } from "./allocation.ts";
import { AllocationTracker } from "./allocation_tracker.ts";
import { readLine } from "./event_stream.ts";

/** The allocations of Nomad's event stream, and what is new in each of its lines: the same updates as those of the
 * source `nomad`, but for the types of jobs, which the stream does not say. */
export class RecordedStream {
  readonly #known = new AllocationTracker();
  /** Time of the first change: allocations that are made later are new, and all of their restarts count. */
  #since: number | undefined;

  /** The updates that a line brings. @throws {Fault} where it cannot be read. */
  *take(line: Uint8Array): Generator<Uint8Array> {
    let isStrange = false;
    const { allocations } = readLine(decoder.decode(line), "the stream", () => isStrange = true);
    for (const allocation of allocations) yield* this.#news(allocation);
    this.#known.takeChanges(); // nobody asks for them, and they would pile up
    if (isStrange) throw new Fault("the stream sent an allocation that is not understood");
  }

  *#news(allocation: Allocation): Generator<Uint8Array> {
    this.#since ??= allocation.ModifyTime;
    const isHistory = allocation.CreateTime <= this.#since;
    for (const { text } of this.#known.take(allocation, this.#known.jobTypeOf(allocation), isHistory)) {
      yield encoder.encode(text);
    }
  }
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
