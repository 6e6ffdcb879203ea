// A histogram with the buckets of Prometheus.

/** Bounds for anything from a commit to a disk to a slow receiver, in seconds. */
export const latencyBuckets: readonly number[] = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

/** A histogram of durations in seconds. */
export class Histogram {
  /** Upper bounds of the buckets, ascending, in seconds; one more bucket is above the last. */
  readonly bounds: readonly number[];
  /** The count of each bucket, not cumulative, including the one above all bounds. */
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
