// Whether a part of the program works, since when and why not: what its connection tells, for whoever wants to know.
import type { Nanoseconds } from "./duration.ts";
import { wallClock } from "./time.ts";

/** How a source, a sink or the state stands. It begins as one that does not work yet. */
export class Health {
  /** Since when it works, or does not. */
  since: Nanoseconds = wallClock();
  /** Why it does not work, or takes nothing. */
  problem: string | undefined = "not connected yet";
  /** How often it worked again after an outage. */
  reconnects = 0;
  /** When something was heard of it last; undefined before that. */
  lastSeenAt: Nanoseconds | undefined;
  /** It was an input that has ended: nothing more comes of it. */
  ended = false;
  readonly #firstUp = Promise.withResolvers<void>();
  #isUp = false;
  #wasEverUp = false;

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Resolves when it works for the first time. */
  get firstUp(): Promise<void> {
    return this.#firstUp.promise;
  }

  up(): void {
    if (this.#isUp) return;
    this.#firstUp.resolve();
    if (this.#wasEverUp) this.reconnects++;
    this.#isUp = this.#wasEverUp = true;
    this.since = wallClock();
    this.problem = undefined;
    this.seen();
  }

  down(reason: string): void {
    if (this.#isUp) this.since = wallClock();
    this.#isUp = false;
    this.problem = reason;
  }

  /** It is connected, but takes nothing for this reason; or again what comes. */
  blocked(reason: string | undefined): void {
    if (this.#isUp) this.problem = reason;
  }

  seen(now: Nanoseconds = wallClock()): void {
    this.lastSeenAt = now;
  }
}
