// The position in the event stream over all sessions, as the checkpoint keeps it. No I/O, no clock.

/** How far the stream was read. */
export class Position {
  /** Raft index of the last line. */
  index: number | undefined;
  /** Raft index of the last line with an allocation, which is comparable with that of the list. */
  #allocationsAt: number | undefined;
  /** Approximate time in nanoseconds of the last change in the very first list: younger allocations are new. */
  since: number | undefined;

  /** Restores what `toString` returned. */
  constructor(saved?: string) {
    const [index, since, allocationsAt = index] = saved?.split(" ") ?? [];
    if (index !== undefined) this.index = Number(index);
    if (allocationsAt !== undefined) this.#allocationsAt = Number(allocationsAt);
    if (since !== undefined) this.since = Number(since);
  }

  /** Takes the index of a line that was read. */
  advance(index: number, withAllocations: boolean): void {
    this.index = index;
    if (withAllocations) this.#allocationsAt = index;
  }

  /** The index that was read, if it is after that of the list; then the raft index went back, as after a restore. */
  aheadOf(listIndex: number | undefined): number | undefined {
    const before = this.#allocationsAt;
    return before === undefined || listIndex === undefined || listIndex >= before ? undefined : before;
  }

  /** The next session reads the whole stream. */
  reset(): void {
    this.index = this.#allocationsAt = undefined;
  }

  /** `463 1795491838001234000 460`, or `463` before the first list. Call it only once a line was read. */
  toString(): string {
    const after = this.since === undefined ? "" : ` ${this.since} ${this.#allocationsAt ?? 0}`;
    return `${this.index}${after}`;
  }
}
