// Resources of the process, and the lag of its event loop.
import { cpuUsage } from "node:process";

/** The event loop is sampled at this interval, in milliseconds; the last samples are kept. */
const sampleInterval = 500;
const maxSamples = 30;

/** Watches the event loop until it is disposed. */
export class ProcessStats implements Disposable {
  /** Seconds since the Unix epoch. */
  readonly startedAt: number = performance.timeOrigin / 1000;
  readonly #lags: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#sample();
  }

  /** The maximum lag of the event loop over the last 15 seconds, in seconds. */
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

  #sample(): void {
    const expected = performance.now() + sampleInterval;
    this.#timer = setTimeout(() => {
      this.#lags.push(Math.max(0, performance.now() - expected) / 1000);
      if (this.#lags.length > maxSamples) this.#lags.shift();
      this.#sample();
    }, sampleInterval);
    Deno.unrefTimer(this.#timer);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
