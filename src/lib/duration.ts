// Parses and formats durations as Go does (`5m`, `1h30m`, `300ms`), in exact nanoseconds.

/** An integer of nanoseconds: a duration, or a time since the Unix epoch. */
export type Nanoseconds = bigint;

/** Units of time. */
export const second: Nanoseconds = 1_000_000_000n;
export const minute: Nanoseconds = 60n * second;
export const hour: Nanoseconds = 60n * minute;

const units: Readonly<Record<string, Nanoseconds>> = {
  ns: 1n,
  us: 1_000n,
  "µs": 1_000n, // U+00B5, micro sign
  "μs": 1_000n, // U+03BC, Greek letter mu
  ms: 1_000_000n,
  s: second,
  m: minute,
  h: hour,
};

const limit = 1n << 63n;

/**
 * Reads a duration by the grammar of Go's `time.ParseDuration`, to the same nanosecond.
 * @throws {RangeError} with Go's reason: invalid, missing unit, unknown unit.
 */
export function parseDuration(text: string): Nanoseconds {
  const invalid = () => new RangeError("not a duration");
  const signed = /^[+-]/.test(text);
  let rest = signed ? text.slice(1) : text;
  if (rest === "0") return 0n;
  if (rest === "") throw invalid();
  let total = 0n;
  while (rest !== "") {
    const [all, whole = "", point, fraction = "", unit = ""] =
      /^([0-9]*)(\.)?((?<=\.)[0-9]*)?([^0-9.]*)/.exec(rest) ?? [""];
    if (whole === "" && (point === undefined || fraction === "")) throw invalid();
    if (unit === "") throw new RangeError("missing unit in duration");
    const scale = Object.hasOwn(units, unit) ? units[unit] : undefined;
    if (scale === undefined) throw new RangeError(`unknown unit "${unit}" in duration`);
    total += BigInt(whole) * scale + fractionOf(scale, fraction);
    if (BigInt(whole) > limit || total > limit) throw invalid();
    rest = rest.slice(all.length);
  }
  if (signed && text.startsWith("-")) return -total;
  if (total === limit) throw invalid();
  return total;
}

/** Go takes the fraction through a float64 and drops digits past 63 bits; so does this. */
function fractionOf(scale: Nanoseconds, digits: string): Nanoseconds {
  let value = 0n;
  let divisor = 1;
  for (const digit of digits) {
    const next = value * 10n + BigInt(digit);
    if (value > (limit - 1n) / 10n || next > limit) break;
    value = next;
    divisor *= 10;
  }
  return BigInt(Math.trunc(Number(value) * (Number(scale) / divisor)));
}

/** Writes a duration in the shortest of Go's forms that people use: `1h30m`, `5m`, `1.5s`, `300ms`. */
export function formatDuration(duration: Nanoseconds): string {
  if (duration < 0n) return `-${formatDuration(-duration)}`;
  if (duration === 0n) return "0s";
  for (const unit of ["ns", "us", "ms"]) {
    const scale = units[unit]!;
    if (duration < scale * 1000n) return `${decimal(duration, scale)}${unit}`;
  }
  const hours = duration / units.h!;
  const minutes = (duration % units.h!) / units.m!;
  const seconds = duration % units.m!;
  return (hours ? `${hours}h` : "") + (minutes ? `${minutes}m` : "") +
    (seconds ? `${decimal(seconds, units.s!)}s` : "");
}

function decimal(value: bigint, scale: bigint): string {
  const places = String(scale).length - 1;
  const fraction = String(value % scale).padStart(places, "0").slice(0, places).replace(/0+$/, "");
  return fraction === "" ? `${value / scale}` : `${value / scale}.${fraction}`;
}
