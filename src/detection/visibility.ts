// Up to when everything that happened was seen: time alone decides nothing about times that the source did not show.
// Sources report to it, the rule asks it. No clock, no I/O.
import type { Nanoseconds } from "../lib/duration.ts";
import { Listeners } from "../lib/listeners.ts";
import { maxTime } from "../lib/time.ts";

/** A time during which the source showed nothing. */
interface Gap {
  readonly from: Nanoseconds;
  readonly until: Nanoseconds;
}

/** The newest gaps are kept. */
const maxGaps = 1000;

/** What a source sees. A source that never goes blind need not report anything. */
export class Visibility {
  /** The time of the newest event that came while the source was blind. */
  newest: Nanoseconds | undefined;
  /** Events that happen while the source is blind can be lost: it cannot know that it showed all of them afterwards. */
  losesEvents = false;
  #isBlind: boolean;
  #until: Nanoseconds;
  readonly #listeners = new Listeners();
  readonly #sight = new Listeners();
  readonly #gaps: Gap[] = [];

  constructor(begins: "seeing" | "blind" = "seeing") {
    this.#isBlind = begins === "blind";
    this.#until = begins === "blind" ? -maxTime : maxTime;
  }

  /** Calls the listener whenever more is seen than before, until it is disposed. */
  listen(listener: () => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** Calls the listener whenever it becomes blind, or sees again, until it is disposed. */
  watch(listener: () => void): Disposable {
    return this.#sight.add(listener);
  }

  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** Everything that happened up to then was shown and judged. */
  get until(): Nanoseconds {
    return this.#until;
  }

  /** Whether everything up to this time was judged. */
  saw(time: Nanoseconds): boolean {
    return !this.#isBlind && time <= this.#until;
  }

  /** Resumes from what was seen before the start. */
  restore(until: Nanoseconds): void {
    if (this.#isBlind && until > this.#until) this.#until = until;
  }

  /** The source shows nothing any more, since `until`. */
  lose(): void {
    const saw = !this.#isBlind;
    this.#isBlind = true;
    this.newest = undefined;
    if (saw) this.#sight.call();
  }

  /** An event of this time came. */
  noteEvent(time: Nanoseconds): void {
    if (this.newest === undefined || time > this.newest) this.newest = time;
  }

  /** The source sees again, and what happened while it was blind is judged, as far as it can be known. */
  regain(now: Nanoseconds): void {
    if (!this.#isBlind) return;
    this.#isBlind = false;
    if (now > this.#until) this.#gaps.push({ from: this.#until, until: now });
    if (this.#gaps.length > maxGaps) this.#gaps.shift();
    this.hear(now);
    this.#sight.call();
  }

  /** Everything up to then is judged. A time before the last one comes from a clock that was set back. */
  hear(now: Nanoseconds): void {
    if (this.#isBlind) return;
    this.#until = now;
    this.#listeners.call();
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

  /** For how long since then events can be lost. */
  lost(since: Nanoseconds): Nanoseconds {
    return this.losesEvents ? this.missed(since) : 0n;
  }

  /** Whether an event since then can be lost. */
  mayHaveLost(since: Nanoseconds): boolean {
    return this.losesEvents && (this.#isBlind || this.missed(since) > 0n);
  }
}
