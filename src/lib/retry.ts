// An outage, told once when it begins and once when it is over; how long to wait between attempts, and how long
// for the first connections.
import { formatDuration, type Nanoseconds } from "./duration.ts";
import { Fault } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Health } from "./health.ts";

/** The outages of one connection or sink. */
export class Outage {
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
  get open(): boolean {
    return this.#since !== undefined;
  }

  /** An attempt failed: a warning if it is the first; later a line for each reason that takes somebody to mend.
   * Yields the milliseconds to wait. */
  begin(fault: Fault): number {
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
    return backOff(this.#attempts++);
  }

  /** There is a connection, whether or not it works. */
  connected(): void {
    this.#startupDeadline?.connected(this.#what);
    if (!this.open) this.#health?.up();
  }

  /** An attempt succeeded: says so if there was an outage. */
  end(): void {
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
  tell(reason: string | undefined): void {
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

function timeSince(milliseconds: number): string {
  return formatDuration(BigInt(Math.round(performance.now() - milliseconds)) * 1_000_000n);
}

/** How long the program waits at its start until every connection was made once. Disposing it ends the waiting. */
export class StartupDeadline implements Disposable {
  readonly #limit: Nanoseconds | undefined;
  readonly #over = Promise.withResolvers<never>();
  /** What is not connected yet, and why. */
  readonly #awaited = new Map<string, string>();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  /** Without a limit it waits for ever. */
  constructor(limit?: Nanoseconds) {
    this.#limit = limit;
    this.#over.promise.catch(() => {});
    if (limit === undefined) return;
    this.#timer = setTimeout(() => this.#giveUp(limit), Math.min(Number(limit / 1_000_000n), maxTimer));
  }

  /** Rejects with a fault when time is up, or when a first connection fails for settings that are wrong. */
  get over(): Promise<never> {
    return this.#over.promise;
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
    if (recovery === "config") this.#over.reject(new Fault(`${what}: ${message}`, recovery));
    return this.#limit;
  }

  #giveUp(limit: Nanoseconds): void {
    if (this.#awaited.size === 0) return;
    const reasons = [...this.#awaited].map(([what, reason]) => `${what}: ${reason}`).join("; ");
    this.#over.reject(new Fault(`Gave up after ${formatDuration(limit)}: ${reasons}`, "config"));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Longer ones than this, in milliseconds, timers do not take. */
const maxTimer = 2 ** 31 - 1;

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
