// Messages that could not be read: each is rejected and counted, and as many are logged as a person can read.
import type { Log } from "../lib/log.ts";
import type { Batch } from "../sources/source.ts";

/** Lines in one period, and its length in milliseconds. */
const maxLines = 10;
const period = 10_000;

/** Sets bad messages aside. */
export class RejectionLog {
  readonly #log: Log;
  #lines = 0;
  #unlogged = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Rejects a message of a batch, with the reason and its beginning in the log while that is not flooded. */
  add(batch: Batch, index: number, body: Uint8Array, reason: string): void {
    batch.reject(index);
    this.#timer ??= setTimeout(() => this.stop(), period);
    if (++this.#lines > maxLines) {
      this.#unlogged++;
      return;
    }
    this.#log.warning("Set aside {place}: {reason}: {beginning}", {
      place: batch.place(index),
      reason,
      beginning: new TextDecoder().decode(body.subarray(0, 800)).slice(0, 200),
    });
  }

  /** Ends the period: says how many were left out of the log. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unlogged > 0) this.#log.warning("Set aside {count} more messages", { count: this.#unlogged });
    this.#lines = 0;
    this.#unlogged = 0;
  }
}
