// The wall's clock as the pipeline reads it: where it goes back, it was ahead, and what the rule and the state have
// of that time is set right. So it is when the program starts with a state file of such a time.
import { inSeconds } from "./clock_warnings.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import type { Rule } from "../detection/rule.ts";
import { wallClock } from "../lib/time.ts";

/** Under this key the state keeps a time that the clock showed, at most a minute before its last one. */
const note = "wall clock";
const minute = 60_000_000_000n;
/** Steps back that are smaller are those of a clock that is kept right. */
const smallest = 1_000_000_000n;

/** Reads the clock, and watches it. */
export class WallClockWatch {
  readonly #parts: { readonly store: StateStore; readonly rule: Rule; readonly log: Log };
  #last: Nanoseconds;
  #noted: Nanoseconds;

  constructor(parts: { readonly store: StateStore; readonly rule: Rule; readonly log: Log }) {
    this.#parts = parts;
    this.#last = this.#noted = BigInt(parts.store.kept.checkpoint().get(note) ?? 0);
  }

  /** The time now. */
  now(): Nanoseconds {
    const now = wallClock();
    if (now + smallest < this.#last) this.#wentBack(now);
    this.#last = now;
    if (now - this.#noted >= minute || now < this.#noted) {
      this.#parts.store.saveCheckpoint(note, String(now));
      this.#noted = now;
    }
    return now;
  }

  #wentBack(now: Nanoseconds): void {
    const { rule, log } = this.#parts;
    log.warning(
      "The clock of this machine was ahead, and went back by {by}: what was seen and told at times that are yet to " +
        "come no longer counts against new restarts",
      { by: inSeconds(this.#last - now) },
    );
    // What was noted can be older than what was seen last.
    rule.clockSetBack(now, this.#last + minute);
  }
}
