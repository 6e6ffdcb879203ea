// Whether the event stream and the list show all that happens: not while there is no answer, nor until what followed
// the list is judged, for Nomad's own view may be old. No I/O, no clock.
import type { Nanoseconds } from "../../lib/duration.ts";
import type { Visibility } from "../../detection/visibility.ts";
import type { Timeouts } from "./timeouts.ts";

/** Tells a sight how far a stream was judged. Lists close every gap: what happened meanwhile stands in them. */
export class StreamVisibility {
  readonly #visibility: Visibility | undefined;
  readonly #heartbeat: Nanoseconds;
  readonly #settle: Nanoseconds;
  #receivedAt: Nanoseconds | undefined;
  /** From then on what is heard is all; undefined before the list is judged. */
  #settledAt: Nanoseconds | undefined;

  constructor(
    visibility: Visibility | undefined,
    { heartbeat, settle }: Pick<Timeouts, "heartbeat" | "settle">,
  ) {
    this.#visibility = visibility;
    this.#heartbeat = BigInt(heartbeat) * 1_000_000n;
    this.#settle = BigInt(settle) * 1_000_000n;
  }

  /** There is no connection. */
  lose(): void {
    this.#visibility?.lose();
    this.#receivedAt = this.#settledAt = undefined;
  }

  /** The list is judged. */
  listed(now: Nanoseconds): void {
    this.#receivedAt = now;
    this.#settledAt = now + this.#settle;
  }

  /** All that the stream brought up to then is judged. */
  hear(now: Nanoseconds): void {
    const pause = this.#receivedAt === undefined ? 0n : now - this.#receivedAt;
    // A time long before the last is of a clock that was set back.
    if (pause > this.#heartbeat || pause < -this.#heartbeat) {
      this.lose();
      this.listed(now);
    }
    this.#receivedAt = now;
    if (this.#settledAt === undefined || now < this.#settledAt) return;
    this.#visibility?.regain(now);
    this.#visibility?.hear(now);
  }
}
