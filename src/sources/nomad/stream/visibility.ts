// Tracks whether the event stream and the list show everything that happens. They do not while Nomad does not answer, nor
// until the events after the list are decided on, for Nomad's own view may be stale. No I/O, no clock.
import type { Nanoseconds } from "../../../lib/duration.ts";
import type { Visibility } from "../../../detection/visibility.ts";
import type { Timeouts } from "../timeouts.ts";

/** Notifies a `Visibility` up to when a stream was read. Lists close every gap: they have what happened meanwhile. */
export class StreamVisibility {
  readonly #visibility: Visibility | undefined;
  readonly #heartbeat: Nanoseconds;
  readonly #settle: Nanoseconds;
  #receivedAt: Nanoseconds | undefined;
  /** From then on everything is received; undefined until the list is decided on. */
  #settledAt: Nanoseconds | undefined;

  constructor(
    visibility: Visibility | undefined,
    { heartbeat, settle }: Pick<Timeouts, "heartbeat" | "settle">,
  ) {
    this.#visibility = visibility;
    this.#heartbeat = BigInt(heartbeat) * 1_000_000n;
    this.#settle = BigInt(settle) * 1_000_000n;
  }

  /** The connection is lost. */
  lose(): void {
    this.#visibility?.lose();
    this.#receivedAt = this.#settledAt = undefined;
  }

  /** The list is decided on. */
  listed(now: Nanoseconds): void {
    this.#receivedAt = now;
    this.#settledAt = now + this.#settle;
  }

  /** Everything that the stream delivered until `now` is decided on. */
  hear(now: Nanoseconds): void {
    const pause = this.#receivedAt === undefined ? 0n : now - this.#receivedAt;
    // A time far before the last one: the clock was set back.
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
