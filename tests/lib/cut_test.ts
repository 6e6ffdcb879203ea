// Texts cut to what a receiver takes.
import assert from "node:assert/strict";
import { cut, cutBytes, fitting } from "../../src/lib/cut.ts";

const texts: readonly (readonly [text: string, max: number, expected: string])[] = [
  ["", 3, ""],
  ["abc", 3, "abc"],
  ["abcd", 3, "ab…"],
  ["abcd", 1, "…"],
  ["ab\u{1f600}", 4, "ab\u{1f600}"],
  ["ab\u{1f600}c", 4, "ab…"],
  ["a\u{1f600}bc", 4, "a\u{1f600}…"],
];

Deno.test("cut() keeps a text that fits, and splits no character of one that does not", () => {
  for (const [text, max, expected] of texts) assert.equal(cut(text, max), expected);
});

Deno.test("fitting() takes the first limit whose JSON fits, in bytes, and the last where none does", () => {
  const make = (limit: number) => cut("\u00e9".repeat(50), limit);
  assert.equal(fitting(make, [50, 20, 10], 102), "\u00e9".repeat(50));
  assert.equal(fitting(make, [50, 20, 10], 101), `${"\u00e9".repeat(19)}…`);
  assert.equal(fitting(make, [50, 20, 10], 1), `${"\u00e9".repeat(9)}…`);
});

Deno.test("cutBytes() keeps a text that fits, and splits no character of one that does not", () => {
  const texts: readonly (readonly [text: string, max: number, expected: string])[] = [
    ["\u00e9\u00e9", 4, "\u00e9\u00e9"],
    ["\u00e9\u00e9\u00e9", 5, "\u00e9…"],
    ["a\u{1f600}bc", 6, "a…"],
    ["abcd", 3, "…"],
  ];
  for (const [text, max, expected] of texts) assert.equal(cutBytes(text, max), expected);
});
