// Times as text (RFC 3339) and compared, and the clock on the wall. The only file that reads the clock.
import type { Nanoseconds } from "./duration.ts";

/** The time now, in nanoseconds since the Unix epoch; the clock itself counts milliseconds. */
export function wallClock(): Nanoseconds {
  return BigInt(Date.now()) * 1_000_000n;
}

/** Clocks that are right differ by less. */
export const clockStep: Nanoseconds = 60_000_000_000n;

/** The latest time of events that is taken for true: one from a node whose clock is ahead would end the others' time. */
export function latestEventTime(): Nanoseconds {
  return wallClock() + clockStep;
}

/**
 * Writes a time as Go's `time.RFC3339Nano` does: in the zone of `TZ`, nanoseconds without trailing zeros,
 * `Z` where the zone's offset is zero. `2017-07-12T15:56:15.401013209+02:00`.
 */
export function formatTime(time: Nanoseconds): string {
  let minute = time / nanosecondsPerMinute;
  let rest = Number(time % nanosecondsPerMinute);
  if (rest < 0) {
    rest += Number(nanosecondsPerMinute);
    minute -= 1n;
  }
  // Of times that are written one after the other, most are of the same minute.
  if (minute !== written.minute) written = writeMinute(minute);
  const seconds = Math.floor(rest / 1e9);
  const nanoseconds = rest - seconds * 1e9;
  const fraction = nanoseconds === 0 ? "" : `.${String(nanoseconds).padStart(9, "0").replace(/0+$/, "")}`;
  return written.before + (seconds < 10 ? `0${seconds}` : seconds) + fraction + written.zone;
}

const nanosecondsPerMinute = 60_000_000_000n;
/** The last minute that was written. */
let written = writeMinute(0n);

interface Minute {
  /** Since the Unix epoch. */
  readonly minute: bigint;
  /** What stands before the seconds, and behind them and their fraction. */
  readonly before: string;
  readonly zone: string;
}

function writeMinute(minute: bigint): Minute {
  const milliseconds = Number(minute) * 60_000;
  const offset = -new Date(milliseconds).getTimezoneOffset();
  const local = new Date(milliseconds + offset * 60_000).toISOString();
  return { minute, before: local.slice(0, 17), zone: zone(offset) };
}

function zone(offsetMinutes: number): string {
  if (offsetMinutes === 0) return "Z";
  const minutes = Math.abs(offsetMinutes);
  const two = (part: number) => String(Math.floor(part)).padStart(2, "0");
  return `${offsetMinutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/**
 * Reads a time of RFC 3339 with up to nine digits of a second, as Go writes them. Undefined if the text is none.
 * `2026-11-24T03:31:55.125615555Z`
 */
export function parseTime(text: string): Nanoseconds | undefined {
  const [, seconds, fraction = "", zone] = rfc3339.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

const rfc3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** The last time that 64 bits hold; as a deadline, never. */
export const maxTime: Nanoseconds = (1n << 63n) - 1n;

/** The earlier of two times. */
export function earlier(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a < b ? a : b;
}

/** The later of two times. */
export function later(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a > b ? a : b;
}
