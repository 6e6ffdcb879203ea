// Counts of durations in buckets, as Prometheus has them. No names, no text.

/** A histogram of durations in seconds. */
export class Histogram {
  /** Upper bounds of the buckets, rising, in seconds; above the last there is one more. */
  readonly bounds: readonly number[];
  /** How many fell into each bucket alone, the one above all bounds included. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  observe(seconds: number): void {
    const bucket = this.bounds.findIndex((bound) => seconds <= bound);
    this.counts[bucket < 0 ? this.bounds.length : bucket]!++;
    this.sum += seconds;
  }
}
