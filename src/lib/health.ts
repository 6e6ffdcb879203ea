// Whether a part of the program works, since when and why not: what its connection tells, for whoever wants to know.
import type { Nanoseconds } from "./duration.ts";
import { wallClock } from "./time.ts";

/** How a source, a sink or the state stands. It begins as one that does not work yet. */
export class Standing {
  /** Since when it works, or does not. */
  since: Nanoseconds = wallClock();
  /** Why it does not work, or takes nothing. */
  problem: string | undefined = "not connected yet";
  /** How often it worked again after an outage. */
  reconnects = 0;
  /** When something was heard of it last; undefined before that. */
  heardAt: Nanoseconds | undefined;
  /** It was an input that has ended: nothing more comes of it. */
  ended = false;
  readonly #worked = Promise.withResolvers<void>();
  #up = false;
  #wasUp = false;

  get up(): boolean {
    return this.#up;
  }

  /** Resolves when it works for the first time. */
  get worked(): Promise<void> {
    return this.#worked.promise;
  }

  works(): void {
    if (this.#up) return;
    this.#worked.resolve();
    if (this.#wasUp) this.reconnects++;
    this.#up = this.#wasUp = true;
    this.since = wallClock();
    this.problem = undefined;
    this.heard();
  }

  fails(reason: string): void {
    if (this.#up) this.since = wallClock();
    this.#up = false;
    this.problem = reason;
  }

  /** It is connected, but takes nothing for this reason; or again what comes. */
  blocked(reason: string | undefined): void {
    if (this.#up) this.problem = reason;
  }

  heard(now: Nanoseconds = wallClock()): void {
    this.heardAt = now;
  }
}
