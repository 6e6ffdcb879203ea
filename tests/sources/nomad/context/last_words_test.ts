// The end of a log as lines: whole ones, as text, in bounds, and none that a terminal obeys.
import assert from "node:assert/strict";
import { lastLines } from "../../../../src/sources/nomad/context/last_words.ts";
import { Random } from "../../../helpers/random.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const lines = (text: string, count = 5) => lastLines(bytes(text), count);
/** The end of a log as Nomad gives it: a byte more than is shown. */
const endOf = (log: Uint8Array) => log.subarray(-4097);

Deno.test("lastLines() returns the last lines, oldest first, without the empty ones around", () => {
  for (
    const [text, expected] of [
      ["", []],
      ["\n\n", []],
      ["one", ["one"]],
      ["one\ntwo\n", ["one", "two"]],
      ["one\r\ntwo\r\n\r\n", ["one", "two"]],
      ["1\n2\n3\n4\n5\n6\n7\n", ["3", "4", "5", "6", "7"]],
      ["\n\none\n\ntwo\n\n", ["one", "", "two"]],
      ["1\n\n2\n3\n4\n5\n", ["2", "3", "4", "5"]],
      ["\tat Main.java:7  \n", ["  at Main.java:7"]],
    ] as const
  ) assert.deepEqual(lines(text), expected, JSON.stringify(text));
});

Deno.test("lastLines() leaves out colours and escapes what else a terminal obeys", () => {
  for (
    const [text, expected] of [
      ["\u001b[1;31mERROR\u001b[0m no\u001b[38:5:9m config", "ERROR no config"],
      ["\u001b]0;title\u0007", "\\u001b]0;title\\u0007"],
      ["\u001b[2J\u001b[31", "\\u001b[2J\\u001b[31"],
      ["10 %\r20 %\r30 %", "10 %\\u000d20 %\\u000d30 %"],
      ["a\u0000b\u009b31m\u202e", "a\\u0000b\\u009b31m\\u202e"],
      ["a\u2028b", "a\\u2028b"],
    ] as const
  ) assert.deepEqual(lines(text), [expected], JSON.stringify(text));
});

Deno.test("lastLines() takes bytes that are no text, and halves of characters at both ends", () => {
  assert.deepEqual(lastLines(new Uint8Array([0x61, 0xff, 0x62, 0xc0]), 5), ["a\ufffdb\ufffd"]);
  assert.deepEqual(
    lastLines(bytes("é😀").subarray(0, 4), 5),
    ["é"],
    "half of one that is still being written",
  );
  for (let shift = 0; shift < 4; shift++) {
    const log = bytes(`${"😀".repeat(3000)}${"x".repeat(shift)}`);
    const [line, ...rest] = lastLines(endOf(log), 5);
    assert.deepEqual(rest, []);
    assert.match(line!, /^…(?:😀)+…?$/u, `shifted by ${shift}`);
    assert.ok(line!.length <= 1000);
  }
});

Deno.test("lastLines() drops a line whose beginning was not read, and keeps one whose beginning was", () => {
  const line = `${"x".repeat(1023)}\n`;
  assert.deepEqual(
    lastLines(endOf(bytes(`secret ${line.repeat(4)}last\n`)), 200).map((line) => line.length),
    [1000, 1000, 1000, 4],
  );
  assert.deepEqual(
    lastLines(endOf(bytes(`before\n${line.repeat(4)}`)), 200).map((line) => line.length),
    [1000, 1000, 1000, 1000],
  );
});

Deno.test("lastLines() is bounded, whatever the log is", () => {
  const chance = new Random(15);
  const random = () => chance.next();
  for (let round = 0; round < 300; round++) {
    const end = new Uint8Array(Math.floor(random() * 4098));
    const range = [256, 32, 128][round % 3]!;
    for (let at = 0; at < end.length; at++) end[at] = random() < 0.02 ? 10 : Math.floor(random() * range);
    const count = 1 + Math.floor(random() * 200);
    const shown = lastLines(end, count);
    assert.ok(shown.length <= count);
    assert.ok(shown.join("\n").length <= 4096);
    // deno-lint-ignore no-control-regex -- control characters are what must not be there
    assert.doesNotMatch(shown.join(""), /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    assert.ok(shown.length === 0 || shown[0] !== "" && shown.at(-1) !== "");
  }
});
