// An outage, told once when it begins and once when it is over; and how long to wait between attempts.
import { formatDuration } from "./duration.ts";
import type { Fault } from "./fault.ts";
import type { Log } from "./log.ts";

/** The outages of one connection or sink. */
export class Outage {
  readonly #log: Log;
  readonly #what: string;
  #since: number | undefined;
  #attempts = 0;
  readonly #reasons = new Set<string>();

  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  /** Whether there is one now. */
  get open(): boolean {
    return this.#since !== undefined;
  }

  /** An attempt failed: a warning if it is the first; later each new reason once. Yields the milliseconds to wait. */
  begin({ message: reason }: Fault): number {
    if (this.#since === undefined) {
      this.#since = performance.now();
      this.#log.warning("{what}: {reason}; trying again until it works", { what: this.#what, reason });
    } else if (!this.#reasons.has(reason)) {
      this.#log.info("{what}: still does not work: {reason}", { what: this.#what, reason });
    }
    this.#reasons.add(reason);
    return backOff(this.#attempts++);
  }

  /** An attempt succeeded: says so if there was an outage. */
  end(): void {
    if (this.#since === undefined) return;
    const lasted = formatDuration(BigInt(Math.round(performance.now() - this.#since)) * 1_000_000n);
    this.#since = undefined;
    this.#attempts = 0;
    this.#reasons.clear();
    this.#log.info("{what}: works again after {lasted}", { what: this.#what, lasted });
  }
}

/**
 * Milliseconds to wait after the n-th failure in a row (from 0): doubling from 100 ms to 10 s, of which half
 * is left to chance so that many clients do not come back in step.
 */
export function backOff(failures: number, random: () => number = Math.random): number {
  const most = Math.min(10_000, 100 * 2 ** Math.min(failures, 10));
  return Math.round(most / 2 + random() * most / 2);
}

/** Waits, or until the signal. */
export function pause(milliseconds: number, until: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (until.aborted) resolve();
  const timer = setTimeout(resolve, milliseconds);
  until.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
