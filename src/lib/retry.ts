// Retries of one component: an outage is logged when it begins and when it ends, and the back-off grows meanwhile.
import { formatDuration } from "./duration.ts";
import type { Fault } from "./errors.ts";
import type { Health } from "./health.ts";
import type { Log } from "./log.ts";
import type { StartupDeadline } from "./startup_deadline.ts";

/** The outages of one connection or sink. */
export class RetryState {
  readonly #log: Log;
  readonly #what: string;
  readonly #startupDeadline: StartupDeadline | undefined;
  readonly #health: Health | undefined;
  #since: number | undefined;
  #attempts = 0;
  readonly #reasons = new Set<string>();

  /** `startupDeadline` is for the first connection; `health` is told whether there is one. */
  constructor(log: Log, what: string, startupDeadline?: StartupDeadline, health?: Health) {
    this.#log = log;
    this.#what = what;
    this.#startupDeadline = startupDeadline;
    this.#health = health;
    startupDeadline?.expect(what);
  }

  /** Whether there is one now. */
  get isFailing(): boolean {
    return this.#since !== undefined;
  }

  /** An attempt failed: a warning if it is the first; later a line for each reason that takes somebody to mend.
   * Yields the milliseconds to wait. */
  failed(fault: Fault): number {
    const { message: reason } = fault;
    this.#health?.down(reason);
    const limit = this.#startupDeadline?.failed(this.#what, fault);
    if (this.#since === undefined) {
      this.#since = performance.now();
      const howLong = limit === undefined ? "until it works" : `for ${formatDuration(limit)} after the start`;
      this.#log.warning("{what}: {reason}; trying again {howLong}", { what: this.#what, reason, howLong });
    } else if (!this.#reasons.has(reason)) {
      const level = fault.recovery === "transient" ? "debug" : "info";
      this.#log[level]("{what}: still does not work: {reason}", { what: this.#what, reason });
    }
    this.#reasons.add(reason);
    return Math.max(backOff(this.#attempts++), Math.min(fault.retryAfter, maxRetryAfter));
  }

  /** There is a connection, whether or not it works. */
  connected(): void {
    this.#startupDeadline?.connected(this.#what);
    if (!this.isFailing) this.#health?.up();
  }

  /** An attempt succeeded: says so if there was an outage. */
  succeeded(): void {
    this.connected();
    if (this.#since === undefined) return;
    const lasted = timeSince(this.#since);
    this.#since = undefined;
    this.#health?.up();
    this.#attempts = 0;
    this.#reasons.clear();
    this.#log.info("{what}: works again after {lasted}", { what: this.#what, lasted });
  }
}

/** The times in which a receiver that is connected takes nothing. */
export class Blockage {
  readonly #log: Log;
  readonly #what: string;
  readonly #health: Health | undefined;
  #since: number | undefined;

  constructor(log: Log, what: string, health?: Health) {
    this.#health = health;
    this.#log = log;
    this.#what = what;
  }

  /** It takes nothing, for this reason, or again what comes: says so where that is news. */
  set(reason: string | undefined): void {
    this.#health?.blocked(reason);
    if (reason === undefined) return this.#end();
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    this.#log.warning("{what}: {reason}; alerts wait", { what: this.#what, reason });
  }

  #end(): void {
    if (this.#since === undefined) return;
    this.#log.info("{what}: no longer blocked after {lasted}", {
      what: this.#what,
      lasted: timeSince(this.#since),
    });
    this.#since = undefined;
  }
}

/** The outages of parts, such as the members of a cluster, of which the others do the work meanwhile. */
export class PartOutages {
  readonly #log: Log;
  readonly #what: string;
  readonly #since = new Map<string, number>();

  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  /** A part fails with this fault, or works again: says so where that is news. */
  set(part: string, fault: Fault | undefined): void {
    const since = this.#since.get(part);
    if (fault !== undefined) {
      if (since !== undefined) return;
      this.#since.set(part, performance.now());
      this.#log.warning("{what}: {reason}; others take alerts meanwhile, trying again until it works", {
        what: this.#what,
        reason: fault.message,
      });
    } else if (since !== undefined) {
      this.#since.delete(part);
      this.#log.info("{what}: {part} works again after {lasted}", {
        what: this.#what,
        part,
        lasted: timeSince(since),
      });
    }
  }
}

function timeSince(milliseconds: number): string {
  return formatDuration(BigInt(Math.round(performance.now() - milliseconds)) * 1_000_000n);
}

/** Milliseconds that another side's wish to wait is obeyed at most. */
const maxRetryAfter = 3_600_000;

/**
 * Milliseconds to wait after the n-th failure in a row (from 0): doubling from 100 ms to 10 s, of which half
 * is left to chance so that many clients do not come back in step.
 */
export function backOff(failures: number, random: () => number = Math.random): number {
  const most = Math.min(10_000, 100 * 2 ** Math.min(failures, 10));
  return Math.round(most / 2 + random() * most / 2);
}
