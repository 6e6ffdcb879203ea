// A counting semaphore that limits what is in flight.

/** Counts permits. Taking some never waits and may overdraw them, since messages that arrived must be processed; only
 * `available` waits. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(permits: number) {
    this.#free = permits;
  }

  /** Takes permits, free or not. */
  take(count = 1): void {
    this.#free -= count;
  }

  /** Returns permits. */
  release(count = 1): void {
    this.#free += count;
    for (const wake of this.#waiting) wake();
  }

  /** Resolves when at least `count` permits are free, or on `stop`. */
  async available(count: number, stop: AbortSignal): Promise<void> {
    while (this.#free < count && !stop.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#waiting.add(wake);
      stop.addEventListener("abort", wake);
      await promise;
      stop.removeEventListener("abort", wake);
      this.#waiting.delete(wake);
    }
  }
}
