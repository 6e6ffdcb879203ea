// The wall clock as the pipeline reads it. If it goes back, it was ahead, and the times in rule and state are corrected,
// also when the program starts with a state file from such a time.
import { inSeconds } from "./clock_warnings.ts";
import { minute, type Nanoseconds, second } from "../lib/duration.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import type { Clocked } from "./event_clock.ts";
import { wallClock } from "../lib/time.ts";

/** Key of the checkpoint: a time that the clock showed, up to a minute before its last one. */
const checkpointKey = "wall clock";
/** Smaller steps back are normal corrections. */
const minStep = second;

/** What it corrects, and where it keeps the time. */
interface WatchParts {
  readonly store: StateStore;
  readonly rule: Pick<Clocked, "clockSetBack">;
  readonly log: Log;
}

/** Reads the clock, and watches it. */
export class WallClockWatch {
  readonly #parts: WatchParts;
  #last: Nanoseconds;
  #savedAt: Nanoseconds;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#last = this.#savedAt = BigInt(parts.store.kept.checkpoint().get(checkpointKey) ?? 0);
  }

  /** The time now. */
  now(): Nanoseconds {
    const now = wallClock();
    if (now + minStep < this.#last) this.#wentBack(now);
    this.#last = now;
    if (now - this.#savedAt >= minute || now < this.#savedAt) {
      this.#parts.store.saveCheckpoint(checkpointKey, String(now));
      this.#savedAt = now;
    }
    return now;
  }

  #wentBack(now: Nanoseconds): void {
    const { rule, log } = this.#parts;
    log.warning(
      "The clock of this machine was ahead, and went back by {by}: events and notifications with future times no " +
        "longer count against new restarts",
      { by: inSeconds(this.#last - now) },
    );
    // The saved time can be older than the last event.
    rule.clockSetBack(now, this.#last + minute);
  }
}
