// Chance from a seed: the same seed gives the same numbers, everywhere and always.

/** A stream of numbers that look like chance (sfc32). */
export class Random {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #count = 1;

  /** `seed` is a whole number; its lowest 32 bits count. */
  constructor(seed: number) {
    this.#a = seed | 0;
    for (let round = 0; round < 16; round++) this.next(); // neighbouring seeds are alike until they are mixed
  }

  /** At least 0, less than 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number of at least 0 and less than `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** A whole number of at least `from` and at most `to`. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True so often in the long run: 0.1 is one time in ten. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** One of them; there must be some. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** Puts them in another order, in place. */
  shuffle<T>(things: T[]): T[] {
    for (let last = things.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [things[last], things[other]] = [things[other]!, things[last]!];
    }
    return things;
  }
}

/** A seed that nobody chose. */
export function anySeed(): number {
  return Math.floor(Math.random() * 1_000_000_000);
}
