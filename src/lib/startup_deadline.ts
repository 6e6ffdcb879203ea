// How long the first connections may take: `CONNECT_TIMEOUT`. After that, components are retried indefinitely.
import { maxTimer } from "./delay.ts";
import { formatDuration, type Nanoseconds } from "./duration.ts";
import { Fault } from "./errors.ts";

/** Limits how long the program waits at its start for the first connection of each component. Disposing it stops the
 * timer. */
export class StartupDeadline implements Disposable {
  readonly #limit: Nanoseconds | undefined;
  readonly #expired = Promise.withResolvers<never>();
  /** Components that are not connected yet, and why. */
  readonly #awaited = new Map<string, string>();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  /** Without a limit it waits indefinitely. */
  constructor(limit?: Nanoseconds) {
    this.#limit = limit;
    this.#expired.promise.catch(() => {});
    if (limit === undefined) return;
    this.#timer = setTimeout(() => this.#giveUp(limit), Math.min(Number(limit / 1_000_000n), maxTimer));
  }

  /** Rejects with a fault at the deadline, or when a first connection fails because of wrong settings. */
  get expired(): Promise<never> {
    return this.#expired.promise;
  }

  /** Waits for this component too. */
  expect(component: string): void {
    this.#awaited.set(component, "no answer yet");
  }

  /** The component is connected. */
  connected(component: string): void {
    this.#awaited.delete(component);
  }

  /** A connection failed. Returns the limit if it is the first one of the component. */
  failed(component: string, { message, recovery }: Fault): Nanoseconds | undefined {
    if (!this.#awaited.has(component)) return undefined;
    this.#awaited.set(component, message);
    if (recovery === "config") this.#expired.reject(new Fault(`${component}: ${message}`, recovery));
    return this.#limit;
  }

  #giveUp(limit: Nanoseconds): void {
    if (this.#awaited.size === 0) return;
    const reasons = [...this.#awaited].map(([component, reason]) => `${component}: ${reason}`).join("; ");
    this.#expired.reject(new Fault(`Gave up after ${formatDuration(limit)}: ${reasons}`, "config"));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
