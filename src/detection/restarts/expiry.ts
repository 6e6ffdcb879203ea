// When a restart leaves its window. No clock, no I/O.
import type { Nanoseconds } from "../../lib/duration.ts";
import { earlier, maxTime } from "../../lib/time.ts";
import type { Counted } from "./windows.ts";

/** When a restart of this time leaves. A time in the future counts; one far in the future only for twice the interval. */
export function leavesAt(time: Nanoseconds, now: Nanoseconds, interval: Nanoseconds): Nanoseconds {
  const far = now + 2n * interval;
  return capped(time > far ? far : time + interval);
}

/** The restart as if it had been counted with this interval. One far in the future stays as it is. */
export function withInterval(restart: Counted, interval: Nanoseconds): Counted {
  const leavesAt = capped(restart.time + interval);
  if (leavesAt === restart.leavesAt || restart.leavesAt <= restart.time) return restart;
  return { ...restart, leavesAt };
}

/** Columns and files hold 64 bits. */
export function capped(time: Nanoseconds): Nanoseconds {
  return earlier(time, maxTime);
}
