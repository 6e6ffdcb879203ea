// Requests held apart, for receivers that take so many a second.
import { delay } from "../../lib/delay.ts";
import { Fault } from "../../lib/errors.ts";

/** Holds requests apart that are made one by one. */
export class Pace implements Disposable {
  readonly #interval: number;
  readonly #closed = new AbortController();
  #earliest = 0;

  /** `interval`: milliseconds from an answer to the next request. So the receiver never sees them closer, however long
   * each is on its way. */
  constructor(interval: number) {
    this.#interval = interval;
  }

  /** Makes the request when it is its turn. @throws {Fault} where it is closed meanwhile. */
  async turn<T>(request: () => Promise<T>): Promise<T> {
    const wait = this.#earliest - performance.now();
    if (wait > 0) await delay(wait, this.#closed.signal);
    if (this.#closed.signal.aborted) throw new Fault("closed");
    try {
      return await request();
    } finally {
      this.#earliest = performance.now() + this.#interval;
    }
  }

  /** Ends what waits for its turn. */
  [Symbol.dispose](): void {
    this.#closed.abort();
  }
}
