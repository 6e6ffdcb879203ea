// The health of one component: up or down, since when, and why.
import type { Nanoseconds } from "./duration.ts";
import { Listeners } from "./listeners.ts";
import { wallClock } from "./time.ts";

/** The health of a source, a sink or the state. It is down at first. */
export class Health {
  /** When it went up or down. */
  since: Nanoseconds = wallClock();
  /** Why it is down, or accepts nothing although it is up. */
  problem: string | undefined = "not connected yet";
  /** How often it recovered after an outage. */
  reconnects = 0;
  /** When it last showed a sign of life; undefined before the first. */
  lastSeenAt: Nanoseconds | undefined;
  /** It is an input that was read to its end. */
  ended = false;
  readonly #firstUp = Promise.withResolvers<void>();
  readonly #listeners = new Listeners();
  #isUp = false;
  #wasEverUp = false;

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Resolves when it goes up for the first time. */
  get firstUp(): Promise<void> {
    return this.#firstUp.promise;
  }

  /** Calls the listener whenever it goes up or down, or has another problem. */
  listen(listener: () => void): Disposable {
    return this.#listeners.add(listener);
  }

  up(): void {
    if (this.#isUp) return;
    this.#firstUp.resolve();
    if (this.#wasEverUp) this.reconnects++;
    this.#isUp = this.#wasEverUp = true;
    this.since = wallClock();
    this.problem = undefined;
    this.seen();
    this.#listeners.call();
  }

  down(reason: string): void {
    if (!this.#isUp && this.problem === reason) return;
    if (this.#isUp) this.since = wallClock();
    this.#isUp = false;
    this.problem = reason;
    this.#listeners.call();
  }

  /** It is connected, but accepts nothing for this reason; undefined when it accepts again. */
  blocked(reason: string | undefined): void {
    if (!this.#isUp || this.problem === reason) return;
    this.problem = reason;
    this.#listeners.call();
  }

  seen(now: Nanoseconds = wallClock()): void {
    this.lastSeenAt = now;
  }
}
