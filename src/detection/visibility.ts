// Up to when everything that happened was seen: time alone decides nothing about times that the source did not show.
// Sources report to it, the rule asks it. No clock, no I/O.
import type { Nanoseconds } from "../lib/duration.ts";

/** A time in which the source showed nothing. */
interface Gap {
  readonly from: Nanoseconds;
  readonly until: Nanoseconds;
}

const latest = (1n << 63n) - 1n;
/** So many gaps are remembered. */
const maxGaps = 1000;

/** What a source sees. A source that never goes blind need not report anything. */
export class Visibility {
  /** Called when more is seen than before. */
  onMore = () => {};
  /** The time of the newest event that came while the source was blind. */
  newest: Nanoseconds | undefined;
  /** What happens while the source is blind can be lost: nothing says afterwards that all of it was shown. */
  losesEvents = false;
  #isBlind: boolean;
  #until: Nanoseconds;
  readonly #gaps: Gap[] = [];

  constructor(begins: "seeing" | "blind" = "seeing") {
    this.#isBlind = begins === "blind";
    this.#until = begins === "blind" ? -latest : latest;
  }

  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** All that happened up to then was shown and judged. */
  get until(): Nanoseconds {
    return this.#until;
  }

  /** Whether all was judged that happened up to this time. */
  saw(time: Nanoseconds): boolean {
    return !this.#isBlind && time <= this.#until;
  }

  /** Goes on from what was seen before the start. */
  restore(until: Nanoseconds): void {
    if (this.#isBlind && until > this.#until) this.#until = until;
  }

  /** Nothing is shown any more, since `until`. */
  lose(): void {
    this.#isBlind = true;
    this.newest = undefined;
  }

  /** An event came that happened then. */
  noteEvent(time: Nanoseconds): void {
    if (this.newest === undefined || time > this.newest) this.newest = time;
  }

  /** What happened while the source was blind is judged, as far as it can be known. */
  regain(now: Nanoseconds): void {
    if (!this.#isBlind) return;
    this.#isBlind = false;
    if (now > this.#until) this.#gaps.push({ from: this.#until, until: now });
    if (this.#gaps.length > maxGaps) this.#gaps.shift();
    this.hear(now);
  }

  /** All that came up to then is judged. A time before the last is of a clock that was set back. */
  hear(now: Nanoseconds): void {
    if (this.#isBlind) return;
    this.#until = now;
    this.onMore();
  }

  /** For how long since then the source was blind. */
  missed(since: Nanoseconds): Nanoseconds {
    let missed = 0n;
    for (let at = this.#gaps.length - 1; at >= 0 && this.#gaps[at]!.until > since; at--) {
      const { from, until } = this.#gaps[at]!;
      missed += until - (from > since ? from : since);
    }
    return missed;
  }

  /** Of how much of the time since then events can be lost. */
  lost(since: Nanoseconds): Nanoseconds {
    return this.losesEvents ? this.missed(since) : 0n;
  }

  /** Whether an event since then can be lost. */
  mayHaveLost(since: Nanoseconds): boolean {
    return this.losesEvents && (this.#isBlind || this.missed(since) > 0n);
  }
}
