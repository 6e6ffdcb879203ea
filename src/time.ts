// Times as the alerts write them, and the clock on the wall. The only file that reads the clock.
import type { Nanoseconds } from "./duration.ts";

/** The time now, in nanoseconds since the Unix epoch; the clock itself counts milliseconds. */
export function wallClock(): Nanoseconds {
  return BigInt(Date.now()) * 1_000_000n;
}

/**
 * The latest time that the clock of events is moved on to, a day ahead of the wall's: one event from a node whose
 * clock is wrong would end the others' time.
 */
export function latestEventTime(): Nanoseconds {
  return wallClock() + 86_400_000_000_000n;
}

/**
 * Writes a time as Go's `time.RFC3339Nano` does: in the zone of `TZ`, nanoseconds without trailing zeros,
 * `Z` where the zone's offset is zero. `2017-07-12T15:56:15.401013209+02:00`.
 */
export function formatTime(time: Nanoseconds): string {
  let seconds = time / 1_000_000_000n;
  let nanoseconds = time % 1_000_000_000n;
  if (nanoseconds < 0n) {
    nanoseconds += 1_000_000_000n;
    seconds -= 1n;
  }
  const milliseconds = Number(seconds) * 1000;
  const offset = -new Date(milliseconds).getTimezoneOffset();
  const local = new Date(milliseconds + offset * 60_000).toISOString().slice(0, 19);
  const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
  return local + (fraction && `.${fraction}`) + zone(offset);
}

function zone(offsetMinutes: number): string {
  if (offsetMinutes === 0) return "Z";
  const minutes = Math.abs(offsetMinutes);
  const two = (part: number) => String(Math.floor(part)).padStart(2, "0");
  return `${offsetMinutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}
