// How long the first connections may take: `CONNECT_TIMEOUT`. After that, components are retried indefinitely.
import { maxTimer } from "./delay.ts";
import { formatDuration, type Nanoseconds } from "./duration.ts";
import { Fault } from "./errors.ts";

/** How long the program waits at its start until every connection was made once. Disposing it ends the waiting. */
export class StartupDeadline implements Disposable {
  readonly #limit: Nanoseconds | undefined;
  readonly #expired = Promise.withResolvers<never>();
  /** What is not connected yet, and why. */
  readonly #awaited = new Map<string, string>();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  /** Without a limit it waits for ever. */
  constructor(limit?: Nanoseconds) {
    this.#limit = limit;
    this.#expired.promise.catch(() => {});
    if (limit === undefined) return;
    this.#timer = setTimeout(() => this.#giveUp(limit), Math.min(Number(limit / 1_000_000n), maxTimer));
  }

  /** Rejects with a fault when time is up, or when a first connection fails for settings that are wrong. */
  get expired(): Promise<never> {
    return this.#expired.promise;
  }

  /** Waits for this connection too. */
  expect(what: string): void {
    this.#awaited.set(what, "no answer yet");
  }

  /** It is there. */
  connected(what: string): void {
    this.#awaited.delete(what);
  }

  /** It is not there yet. Yields how long it is waited for, where that is limited. */
  failed(what: string, { message, recovery }: Fault): Nanoseconds | undefined {
    if (!this.#awaited.has(what)) return undefined;
    this.#awaited.set(what, message);
    if (recovery === "config") this.#expired.reject(new Fault(`${what}: ${message}`, recovery));
    return this.#limit;
  }

  #giveUp(limit: Nanoseconds): void {
    if (this.#awaited.size === 0) return;
    const reasons = [...this.#awaited].map(([what, reason]) => `${what}: ${reason}`).join("; ");
    this.#expired.reject(new Fault(`Gave up after ${formatDuration(limit)}: ${reasons}`, "config"));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
