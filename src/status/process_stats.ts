// How the process does: what it uses, and how late its timers are.
import { cpuUsage } from "node:process";

/** Milliseconds between two looks, and how many of them are remembered. */
const every = 500;
const most = 30;

/** Watches the event loop until it is disposed. */
export class ProcessFigures implements Disposable {
  /** Seconds since the Unix epoch. */
  readonly startedAt: number = performance.timeOrigin / 1000;
  readonly #lags: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#look();
  }

  /** The longest that a timer was late in the last 15 seconds, in seconds. */
  get lag(): number {
    return Math.max(0, ...this.#lags);
  }

  get cpuSeconds(): number {
    const { user, system } = cpuUsage();
    return (user + system) / 1_000_000;
  }

  get memory(): Deno.MemoryUsage {
    return Deno.memoryUsage();
  }

  #look(): void {
    const expected = performance.now() + every;
    this.#timer = setTimeout(() => {
      this.#lags.push(Math.max(0, performance.now() - expected) / 1000);
      if (this.#lags.length > most) this.#lags.shift();
      this.#look();
    }, every);
    Deno.unrefTimer(this.#timer);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
