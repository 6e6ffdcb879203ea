// Whether the event stream and the list show all that happens: not while there is no answer, nor until what followed
// the list is judged, for Nomad's own view may be old. No I/O, no clock.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Visibility } from "../../detection/visibility.ts";
import type { Pace } from "./timeouts.ts";

/** Tells a sight how far a stream was judged. Lists close every gap: what happened meanwhile stands in them. */
export class StreamVisibility {
  readonly #visibility: Visibility | undefined;
  readonly #beat: Nanoseconds;
  readonly #settling: Nanoseconds;
  #heardAt: Nanoseconds | undefined;
  /** From then on what is heard is all; undefined before the list is judged. */
  #settledAt: Nanoseconds | undefined;

  constructor(visibility: Visibility | undefined, { beat, settling }: Pick<Pace, "beat" | "settling">) {
    this.#visibility = visibility;
    this.#beat = BigInt(beat) * 1_000_000n;
    this.#settling = BigInt(settling) * 1_000_000n;
  }

  /** There is no connection. */
  lose(): void {
    this.#visibility?.lose();
    this.#heardAt = this.#settledAt = undefined;
  }

  /** The list is judged. */
  listed(now: Nanoseconds): void {
    this.#heardAt = now;
    this.#settledAt = now + this.#settling;
  }

  /** All that the stream brought up to then is judged. */
  hear(now: Nanoseconds): void {
    const pause = this.#heardAt === undefined ? 0n : now - this.#heardAt;
    // A time long before the last is of a clock that was set back.
    if (pause > this.#beat || pause < -this.#beat) {
      this.lose();
      this.listed(now);
    }
    this.#heardAt = now;
    if (this.#settledAt === undefined || now < this.#settledAt) return;
    this.#visibility?.regain(now);
    this.#visibility?.hear(now);
  }
}
