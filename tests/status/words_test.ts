// How the page writes times, numbers, names and commands, and how it reads its stream of events.
import assert from "node:assert/strict";
import { EventParser } from "../../src/status/page/api.js";
import { clock, counted, exact, plain, shellWord, span, written } from "../../src/status/page/words.js";

const minute = 60_000;

Deno.test("span() says a length of time as a person does", () => {
  const cases = [
    [-5, "0 s"],
    [59_999, "59 s"],
    [minute, "1 min"],
    [59 * minute, "59 min"],
    [60 * minute, "1 h"],
    [130 * minute, "2 h 10 min"],
    [24 * 60 * minute, "1 d"],
    [27.5 * 60 * minute, "1 d 3 h"],
  ] as const;
  for (const [ms, expected] of cases) assert.equal(span(ms), expected);
});

Deno.test("clock() gives the time of day, and the date where it is another one than now's in that zone", () => {
  const now = Date.parse("2026-03-10T00:30:00Z");
  assert.equal(clock("2026-03-10T00:12:03.123456789Z", now), "00:12:03");
  assert.equal(clock("2026-03-09T23:12:03Z", now), "03-09 23:12");
  assert.equal(clock("2026-03-10T02:12:03.5+02:00", now), "02:12:03 +02:00");
  assert.equal(clock("2026-03-09T19:12:03-05:00", now), "19:12:03 -05:00");
  assert.equal(clock("2026-03-08T19:12:03-05:00", now), "03-08 19:12 -05:00");
});

Deno.test("written() gives a time in the zone of another", () => {
  const time = Date.parse("2026-03-10T00:30:00.5Z");
  assert.equal(written(time, "2020-01-01T00:00:00Z"), "2026-03-10T00:30:00.500Z");
  assert.equal(written(time, "2020-01-01T00:00:00.123+02:00"), "2026-03-10T02:30:00.500+02:00");
  assert.equal(written(time, "2020-01-01T00:00:00-04:30"), "2026-03-09T20:00:00.500-04:30");
  assert.equal(written(time, ""), "2026-03-10T00:30:00.500Z");
});

Deno.test("exact() gives date, time of day to the millisecond and zone", () => {
  assert.equal(exact("2026-03-10T00:12:03.123456789Z"), "2026-03-10 00:12:03.123 UTC");
  assert.equal(exact("2026-03-10T00:12:03+02:00"), "2026-03-10 00:12:03.000 +02:00");
});

Deno.test("counted() counts in words", () => {
  assert.equal(counted(1, "restart"), "1 restart");
  assert.equal(counted(12_345, "failed run"), "12,345 failed runs");
});

Deno.test("plain() shows what cannot be seen, and what turns a text around", () => {
  assert.equal(plain("web.app[0] é 名"), "web.app[0] é 名");
  assert.equal(
    plain("a\u0000\u001b[31m\u009b\u202eb\u2066\u200b\n"),
    String.raw`a\u0000\u001b[31m\u009b\u202eb\u2066\u200b\u000a`,
  );
});

Deno.test("shellWord() stands for the text and nothing else when a shell reads it", async () => {
  const texts = [
    "ledger-sync",
    "-x",
    "",
    "a b",
    "$(touch /nosuch)",
    "`id`",
    'it\'s; rm -rf "$HOME" \\',
    "*",
    "é 名",
    "two\nlines",
    "\u001b[31m it's \\ \u202e",
    "job=1",
  ];
  for (const text of texts) {
    const { stdout } = await new Deno.Command("bash", {
      args: ["-c", `printf %s ${shellWord(text)}`],
      env: { LC_ALL: "C.UTF-8" },
    }).output();
    assert.equal(new TextDecoder().decode(stdout), text);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(shellWord(text), /[\u0000-\u001f\u202e]/);
  }
  assert.equal(shellWord("ledger-sync"), "ledger-sync");
});

const stream = ': hello\nevent: loop\r\ndata: {"a":\ndata:1}\n\nid: 7\n\ndata: x\n\nevent: late\ndata';

Deno.test("EventParser reads the events of a stream, however it is cut", () => {
  const expected = [{ event: "loop", data: '{"a":\n1}' }, { event: "message", data: "x" }];
  assert.deepEqual(new EventParser().read(stream), expected);
  for (let size = 1; size < 5; size++) {
    const parser = new EventParser();
    const read = [];
    for (let at = 0; at < stream.length; at += size) read.push(...parser.read(stream.slice(at, at + size)));
    assert.deepEqual(read, expected);
  }
});
