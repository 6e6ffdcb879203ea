// Retries of one component: logs the start and the end of an outage, between which the back-off grows.
import { formatDuration } from "./duration.ts";
import type { Fault } from "./errors.ts";
import type { Health } from "./health.ts";
import type { Log } from "./log.ts";
import type { StartupDeadline } from "./startup_deadline.ts";

/** The outages of one component. */
export class RetryState {
  readonly #log: Log;
  readonly #component: string;
  readonly #startupDeadline: StartupDeadline | undefined;
  readonly #health: Health | undefined;
  #since: number | undefined;
  #attempts = 0;
  readonly #reasons = new Set<string>();

  /** `startupDeadline` limits the first connection; `health` is notified of every change. */
  constructor(log: Log, component: string, startupDeadline?: StartupDeadline, health?: Health) {
    this.#log = log;
    this.#component = component;
    this.#startupDeadline = startupDeadline;
    this.#health = health;
    startupDeadline?.expect(component);
  }

  /** Whether there is an outage now. */
  get isFailing(): boolean {
    return this.#since !== undefined;
  }

  /** An attempt failed: logs a warning if it is the first, later each new reason. Returns the milliseconds to wait. */
  failed(fault: Fault): number {
    const { message: reason } = fault;
    this.#health?.down(reason);
    const limit = this.#startupDeadline?.failed(this.#component, fault);
    if (this.#since === undefined) {
      this.#since = performance.now();
      const howLong = limit === undefined ? "" : ` for ${formatDuration(limit)} after the start`;
      this.#log.warning("{component}: {reason}; retrying{howLong}", {
        component: this.#component,
        reason,
        howLong,
      });
    } else if (!this.#reasons.has(reason)) {
      const level = fault.recovery === "transient" ? "debug" : "info";
      this.#log[level]("{component}: still failing: {reason}", { component: this.#component, reason });
    }
    this.#reasons.add(reason);
    return Math.max(backOff(this.#attempts++), Math.min(fault.retryAfter, maxRetryAfter));
  }

  /** There is a connection; attempts may still fail. */
  connected(): void {
    this.#startupDeadline?.connected(this.#component);
    if (!this.isFailing) this.#health?.up();
  }

  /** An attempt succeeded: logs the end of an outage. */
  succeeded(): void {
    this.connected();
    if (this.#since === undefined) return;
    const lasted = timeSince(this.#since);
    this.#since = undefined;
    this.#health?.up();
    this.#attempts = 0;
    this.#reasons.clear();
    this.#log.info("{component}: recovered after {lasted}", { component: this.#component, lasted });
  }
}

/** Logs when a connected receiver accepts nothing. */
export class Blockage {
  readonly #log: Log;
  readonly #component: string;
  readonly #health: Health | undefined;
  #since: number | undefined;

  constructor(log: Log, component: string, health?: Health) {
    this.#health = health;
    this.#log = log;
    this.#component = component;
  }

  /** Sets why it accepts nothing; undefined when it accepts again. Logs changes. */
  set(reason: string | undefined): void {
    this.#health?.blocked(reason);
    if (reason === undefined) return this.#end();
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    this.#log.warning("{component}: {reason}; alerts are pending", { component: this.#component, reason });
  }

  #end(): void {
    if (this.#since === undefined) return;
    this.#log.info("{component}: no longer blocked after {lasted}", {
      component: this.#component,
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

  /** A part fails with this fault, or recovers: logs what is news. */
  set(part: string, fault: Fault | undefined): void {
    const since = this.#since.get(part);
    if (fault !== undefined) {
      if (since !== undefined) return;
      this.#since.set(part, performance.now());
      this.#log.warning("{what}: {reason}; the others still receive alerts; retrying", {
        what: this.#what,
        reason: fault.message,
      });
    } else if (since !== undefined) {
      this.#since.delete(part);
      this.#log.info("{what}: {part} recovered after {lasted}", {
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
 * Milliseconds to wait after the n-th consecutive failure (from 0): doubling from 100 ms to 10 s, half of it random so
 * that many clients do not reconnect at the same time.
 */
export function backOff(failures: number, random: () => number = Math.random): number {
  const max = Math.min(10_000, 100 * 2 ** Math.min(failures, 10));
  return Math.round(max / 2 + random() * max / 2);
}
