// Rejects messages that cannot be decoded, and logs as many of them as a person can read.
import type { Log } from "../lib/log.ts";
import type { Batch } from "../sources/source.ts";

/** Maximum lines in one period, and its length in milliseconds. */
const maxLines = 10;
const period = 10_000;

/** Rejects messages. */
export class RejectionLog {
  readonly #log: Log;
  #lines = 0;
  #unlogged = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Rejects a message of a batch. Logs the reason and its beginning, unless the log is flooded. */
  add(batch: Batch, index: number, body: Uint8Array, reason: string): void {
    batch.reject(index);
    this.#timer ??= setTimeout(() => this.stop(), period);
    if (++this.#lines > maxLines) {
      this.#unlogged++;
      return;
    }
    this.#log.warning("Rejected {place}: {reason}: {beginning}", {
      place: batch.place(index),
      reason,
      beginning: new TextDecoder().decode(body.subarray(0, 800)).slice(0, 200),
    });
  }

  /** Ends the period: logs how many messages were left out. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unlogged > 0) this.#log.warning("Rejected {count} more messages", { count: this.#unlogged });
    this.#lines = 0;
    this.#unlogged = 0;
  }
}
