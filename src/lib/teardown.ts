// Closes the parts of the program, the newest first. A part that fails or hangs is logged by its name, and the others are
// closed all the same.
import type { Log } from "./log.ts";

/** Milliseconds that a part may take; each that talks to a server has a shorter limit of its own. */
const maxDuration = 10_000;

/** What is open, by name. */
export class Teardown implements AsyncDisposable {
  readonly #log: Log;
  readonly #maxDuration: number;
  readonly #parts: { readonly name: string; readonly close: () => unknown }[] = [];
  #isClean = true;

  constructor(log: Log, milliseconds = maxDuration) {
    this.#log = log;
    this.#maxDuration = milliseconds;
  }

  /** Takes over a part. Returns the part. */
  use<P extends Disposable | AsyncDisposable>(name: string, part: P): P {
    const close = () => Symbol.asyncDispose in part ? part[Symbol.asyncDispose]() : part[Symbol.dispose]();
    this.#parts.push({ name, close });
    return part;
  }

  /** Hands all parts to another, as its newest. */
  moveTo(other: Teardown): void {
    other.#parts.push(...this.#parts.splice(0));
  }

  /** Closes all parts; returns whether all of them closed in time and without error. */
  async close(): Promise<boolean> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      const { name, close } = part;
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => late.reject(new Error("it takes too long")), this.#maxDuration);
      try {
        await Promise.race([Promise.resolve().then(close), late.promise]);
      } catch (error) {
        this.#isClean = false;
        this.#log.error("Cannot close {part}: {reason}", {
          part: name,
          reason: error instanceof Error ? error.message : String(error),
        });
      } finally {
        clearTimeout(timer);
      }
    }
    return this.#isClean;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
