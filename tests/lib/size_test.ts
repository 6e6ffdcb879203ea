// Sizes as people write them.
import assert from "node:assert/strict";
import { formatSize, parseSize } from "../../src/lib/size.ts";

Deno.test("parseSize() reads a number and a unit", () => {
  const cases = [
    ["0B", 0],
    ["1b", 1],
    ["20kB", 20_000],
    ["100MB", 100_000_000],
    ["100 mb", 100_000_000],
    ["1.5GB", 1_500_000_000],
    ["2TB", 2_000_000_000_000],
    ["1KiB", 1024],
    ["64MiB", 67_108_864],
    ["1GiB", 1_073_741_824],
    ["1TiB", 1_099_511_627_776],
    ["0.5kB", 500],
  ] as const;
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, text);
});

Deno.test("parseSize() says what is wrong", () => {
  const cases = [
    ["", "not a size"],
    ["MB", "not a size"],
    ["-1MB", "not a size"],
    ["1,5MB", "not a size"],
    ["1e3MB", "not a size"],
    [" 1MB", "not a size"],
    ["100", "missing unit in size"],
    ["100M", 'unknown unit "M" in size'],
    ["1PB", 'unknown unit "PB" in size'],
  ] as const;
  for (const [text, message] of cases) {
    assert.throws(() => parseSize(text), { name: "RangeError", message }, text);
  }
});

Deno.test("formatSize() writes three digits and a unit", () => {
  const cases = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [1234, "1.23 kB"],
    [999_499, "999 kB"],
    [999_500, "1 MB"],
    [100_000_000, "100 MB"],
    [1_001_261_235, "1 GB"],
    [5_120_000_000_000_000, "5120 TB"],
  ] as const;
  for (const [bytes, text] of cases) assert.equal(formatSize(bytes), text);
});
