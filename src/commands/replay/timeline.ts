// Histograms over the time of a recording, with a bounded number of bins, and their drawing. All timelines of a recording
// have the same scale, which doubles as the recording grows longer. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";

/** The smallest bin, in nanoseconds: a second. */
const minWidth = 1_000_000_000n;
/** A drawing has fewer columns, so that it does not matter where bins begin. */
const maxBins = 1024n;

/** The scale of all timelines: the span of the recording so far, and how wide a bin is. */
export class TimeScale {
  first: Nanoseconds | undefined;
  last: Nanoseconds | undefined;
  /** How often the width has doubled. */
  level = 0n;

  /** Extends the recording to this time. */
  extend(time: Nanoseconds): void {
    this.first ??= time;
    if (this.last === undefined || time > this.last) this.last = time;
    while ((this.last - this.first) / this.width >= maxBins) this.level++;
  }

  /** Nanoseconds of a bin. */
  get width(): Nanoseconds {
    return minWidth << this.level;
  }
}

/** How often something happened, by time. */
export class Timeline {
  readonly #scale: TimeScale;
  #level: bigint;
  /** Numbers of the bins that are not empty, from the first time of the recording on, in order; and what is in them. */
  #bins: number[] = [];
  #counts: number[] = [];

  constructor(scale: TimeScale) {
    this.#scale = scale;
    this.#level = scale.level;
  }

  /** Counts at this time; a time outside the recording counts for the nearer end of it. */
  add(time: Nanoseconds, count = 1): void {
    this.#rescale();
    const { first = time, last = time, width } = this.#scale;
    const bin = Number((clamp(time, first, last) - first) / width);
    let at = this.#bins.length;
    while (at > 0 && this.#bins[at - 1]! > bin) at--;
    if (at > 0 && this.#bins[at - 1] === bin) this.#counts[at - 1]! += count;
    else {
      this.#bins.splice(at, 0, bin);
      this.#counts.splice(at, 0, count);
    }
  }

  /** The counts in equal parts of the recording. */
  columns(count: number): number[] {
    this.#rescale();
    const { first = 0n, last = 0n, width } = this.#scale;
    const span = last - first + 1n;
    const columns: number[] = Array(count).fill(0);
    for (const [index, bin] of this.#bins.entries()) {
      const column = Number(BigInt(bin) * width * BigInt(count) / span);
      columns[Math.min(column, count - 1)]! += this.#counts[index]!;
    }
    return columns;
  }

  #rescale(): void {
    for (; this.#level < this.#scale.level; this.#level++) {
      const bins: number[] = [];
      const counts: number[] = [];
      for (const [index, bin] of this.#bins.entries()) {
        const wider = Math.floor(bin / 2);
        if (bins.at(-1) === wider) counts[counts.length - 1]! += this.#counts[index]!;
        else {
          bins.push(wider);
          counts.push(this.#counts[index]!);
        }
      }
      this.#bins = bins;
      this.#counts = counts;
    }
  }
}

function clamp(time: Nanoseconds, min: Nanoseconds, max: Nanoseconds): Nanoseconds {
  return time < min ? min : time > max ? max : time;
}

const blocks = "▁▂▃▄▅▆▇█";

/** Numbers as blocks, the highest as the full one: `▂  █▅▁`. Zero is a space. */
export function sparkline(counts: readonly number[]): string {
  const max = counts.reduce((a, b) => Math.max(a, b), 0);
  return counts.map((count) => count === 0 ? " " : blocks[Math.ceil(count / max * blocks.length) - 1]).join(
    "",
  );
}
