// Durations read as Go's time.ParseDuration reads them (the cases are those of Go's time_test.go and more), and written.
import assert from "node:assert/strict";
import { formatDuration, parseDuration } from "../../src/lib/duration.ts";

const nanosecond = 1n;
const microsecond = 1_000n;
const millisecond = 1_000_000n;
const second = 1_000_000_000n;
const minute = 60n * second;
const hour = 60n * minute;
const most = (1n << 63n) - 1n;

const accepted: readonly (readonly [text: string, nanoseconds: bigint])[] = [
  ["0", 0n],
  ["5s", 5n * second],
  ["30s", 30n * second],
  ["1478s", 1478n * second],
  // signs
  ["-5s", -5n * second],
  ["+5s", 5n * second],
  ["-0", 0n],
  ["+0", 0n],
  ["0s", 0n],
  ["-0s", 0n],
  ["0h0m0s", 0n],
  // fractions
  ["5.0s", 5n * second],
  ["5.6s", 5n * second + 600n * millisecond],
  ["5.s", 5n * second],
  [".5s", 500n * millisecond],
  ["-.5s", -500n * millisecond],
  ["+.5s", 500n * millisecond],
  ["1.0s", second],
  ["1.00s", second],
  ["1.004s", second + 4n * millisecond],
  ["1.0040s", second + 4n * millisecond],
  ["100.00100s", 100n * second + millisecond],
  ["0.5ns", 0n],
  ["1.9ns", nanosecond],
  // units
  ["10ns", 10n * nanosecond],
  ["11us", 11n * microsecond],
  ["12\u00b5s", 12n * microsecond],
  ["12\u03bcs", 12n * microsecond],
  ["13ms", 13n * millisecond],
  ["14s", 14n * second],
  ["15m", 15n * minute],
  ["16h", 16n * hour],
  ["005m", 5n * minute],
  // several units, in any order and more than once
  ["3h30m", 3n * hour + 30n * minute],
  ["1h30m", 90n * minute],
  ["10.5s4m", 4n * minute + 10n * second + 500n * millisecond],
  ["-2m3.4s", -(2n * minute + 3n * second + 400n * millisecond)],
  [
    "1h2m3s4ms5us6ns",
    hour + 2n * minute + 3n * second + 4n * millisecond + 5n * microsecond + 6n * nanosecond,
  ],
  ["39h9m14.425s", 39n * hour + 9n * minute + 14n * second + 425n * millisecond],
  ["1s1s1s", 3n * second],
  ["1m1.5h", 91n * minute],
  // large values, to the nanosecond
  ["52763797000ns", 52_763_797_000n],
  ["9007199254740993ns", 9_007_199_254_740_993n],
  ["9223372036854775807ns", most],
  ["9223372036854775.807us", most],
  ["9223372036s854ms775us807ns", most],
  ["2562047h47m16.854775807s", most],
  ["-9223372036854775807ns", -most],
  ["-9223372036854775808ns", -most - 1n],
  ["-9223372036854775.808us", -most - 1n],
  ["-9223372036s854ms775us808ns", -most - 1n],
  ["-2562047h47m16.854775808s", -most - 1n],
  // more digits after the point than 63 bits hold
  ["0.3333333333333333333h", 20n * minute],
  ["0.100000000000000000000h", 6n * minute],
  ["0.830103483285477580700h", 49n * minute + 48n * second + 372_539_827n],
  ["0.9223372036854775807h", 3_320_413_933_267n],
  ["0.9223372036854775808h", 3_320_413_933_267n],
  ["0.9223372036854775809h", 3_320_413_933_267n],
];

const invalid = "not a duration";
const noUnit = "missing unit in duration";
const unknown = (unit: string) => `unknown unit "${unit}" in duration`;

const refused: readonly (readonly [text: string, reason: string])[] = [
  ["", invalid],
  ["-", invalid],
  ["+", invalid],
  ["s", invalid],
  ["h1", invalid],
  [".", invalid],
  ["-.", invalid],
  [".s", invalid],
  ["+.s", invalid],
  ["1s.s", invalid],
  ["-+5s", invalid],
  ["--0", invalid],
  ["\x85\x85", invalid],
  ["\xffff", invalid],
  ["hello \xffff world", invalid],
  ["\u{10ffff}", invalid],
  [" 5m", invalid],
  ["\t5m", invalid],
  ["\uff15m", invalid],
  ["\u0665m", invalid],
  ["Infinity", invalid],
  ["NaN", invalid],
  // a number without a unit
  ["3", noUnit],
  ["5", noUnit],
  ["00", noUnit],
  ["-1", noUnit],
  ["1.5", noUnit],
  ["5m30", noUnit],
  ["1..s", noUnit],
  ["1.2.3s", noUnit],
  // units that are none
  ["1d", unknown("d")],
  ["1w", unknown("w")],
  ["5M", unknown("M")],
  ["5S", unknown("S")],
  ["5m ", unknown("m ")],
  ["5 m", unknown(" m")],
  ["5m\n", unknown("m\n")],
  ["1h 30m", unknown("h ")],
  ["1e3s", unknown("e")],
  ["0x5s", unknown("x")],
  ["1_000s", unknown("_")],
  ["1,5s", unknown(",")],
  ["5min", unknown("min")],
  ["1h-5m", unknown("h-")],
  // beyond 64 bits
  ["9223372036854775810ns", invalid],
  ["9223372036854775808ns", invalid],
  ["-9223372036854775809ns", invalid],
  ["9223372036854776us", invalid],
  ["3000000h", invalid],
  ["9223372036854775.808us", invalid],
  ["9223372036854ms775us808ns", invalid],
  ["-9223372036854ms775us809ns", invalid],
  ["99999999999999999999999999ns", invalid],
  ["18446744073709551616ns", invalid],
  ["9223372036854775807ns1ns", invalid],
];

Deno.test("parseDuration() reads what Go reads, to the same nanosecond", () => {
  for (const [text, nanoseconds] of accepted) {
    assert.equal(parseDuration(text), nanoseconds, JSON.stringify(text));
  }
});

Deno.test("parseDuration() refuses what Go refuses, with the reason", () => {
  for (const [text, message] of refused) {
    assert.throws(() => parseDuration(text), { name: "RangeError", message }, JSON.stringify(text));
  }
});

Deno.test("parseDuration() takes no property that every JavaScript object has for a unit", () => {
  for (const unit of ["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"]) {
    assert.throws(() => parseDuration(`5${unit}`), { name: "RangeError", message: unknown(unit) });
  }
});

const written: readonly (readonly [nanoseconds: bigint, text: string])[] = [
  [0n, "0s"],
  [1n, "1ns"],
  [-1n, "-1ns"],
  [999n, "999ns"],
  [1_000n, "1us"],
  [1_500n, "1.5us"],
  [999_999n, "999.999us"],
  [300n * millisecond, "300ms"],
  [1_000_001n, "1.000001ms"],
  [999_999_999n, "999.999999ms"],
  [second, "1s"],
  [1_500_000_000n, "1.5s"],
  [second + 1n, "1.000000001s"],
  [59n * second + 999_999_999n, "59.999999999s"],
  [minute, "1m"],
  [5n * minute, "5m"],
  [-5n * minute, "-5m"],
  [90n * second, "1m30s"],
  [hour, "1h"],
  [90n * minute, "1h30m"],
  [hour + 1n, "1h0.000000001s"],
  [24n * hour, "24h"],
  [most, "2562047h47m16.854775807s"],
  [-most - 1n, "-2562047h47m16.854775808s"],
];

Deno.test("formatDuration() writes the short form that people use", () => {
  for (const [nanoseconds, text] of written) assert.equal(formatDuration(nanoseconds), text);
});

Deno.test("formatDuration() writes what parseDuration() reads back", () => {
  const durations = [...written.map(([nanoseconds]) => nanoseconds), ...accepted.map(([, value]) => value)];
  for (let digits = 1n; digits < most; digits = digits * 7n + 3n) durations.push(digits, -digits);
  for (const duration of durations) assert.equal(parseDuration(formatDuration(duration)), duration);
});
