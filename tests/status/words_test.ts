// How the page writes times, numbers, names and commands, and how it reads its stream of events.
import assert from "node:assert/strict";
import { EventParser } from "../../src/status/page/api.js";
import { exitCodeWords, signalWords } from "../../src/detection/alert/signals.ts";
import * as words from "../../src/status/page/words.js";
import {
  capital,
  clock,
  counted,
  exact,
  nomadCommand,
  plain,
  shellWord,
  span,
  written,
} from "../../src/status/page/words.js";

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

Deno.test("capital() begins a sentence, and leaves addresses and names as they are", () => {
  const cases = [
    ["connection refused", "Connection refused"],
    ["throttled", "Throttled"],
    ["it completed", "It completed"],
    ["http://n:4646: connection refused", "http://n:4646: connection refused"],
    ["amqp://n:5672/: refused", "amqp://n:5672/: refused"],
    ["rabbit.internal refused it", "rabbit.internal refused it"],
    ["rabbit1: refused", "rabbit1: refused"],
    ["`web` failed", "`web` failed"],
    ["", ""],
  ] as const;
  for (const [text, expected] of cases) assert.equal(capital(text), expected);
});

Deno.test("signals and exit codes have the same names on the page as in alerts", () => {
  for (let number = -1; number < 300; number++) {
    assert.equal(words.signalWords(number), signalWords(number));
    assert.equal(words.exitCodeWords(number), exitCodeWords(number));
  }
  assert.deepEqual([11, 40].map(signalWords), ["11 (SIGSEGV)", "40"]);
  assert.deepEqual(
    [1, 128, 137, 139, 143, 255].map(exitCodeWords),
    ["1", "128", "137 (SIGKILL)", "139 (SIGSEGV)", "143 (SIGTERM)", "255"],
  );
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
    `it's; rm -rf "$HOME" !!`,
    "*",
    "é 名",
    "job=1",
  ];
  for (const shell of ["bash", "dash"]) {
    for (const text of texts) {
      const { stdout } = await new Deno.Command(shell, {
        args: ["-c", `printf %s ${shellWord(text)}`],
        env: { LC_ALL: "C.UTF-8" },
      }).output();
      assert.equal(new TextDecoder().decode(stdout), text, shell);
    }
  }
  assert.equal(shellWord("ledger-sync"), "ledger-sync");
});

Deno.test("shellWord() has no word for what shells read differently, or a terminal could obey", () => {
  for (const text of ["two\nlines", "\u001b[31m", "a\u202eb", "\u200b", "a\\", "\u0000", "\ud800"]) {
    assert.equal(shellWord(text), undefined, JSON.stringify(text));
  }
});

const evil = "-address=http://evil";

Deno.test("nomadCommand() gives Nomad names as words, never as options", async () => {
  assert.equal(
    nomadCommand("job status", "pay", ["sync"]),
    "nomad job status -namespace pay -- sync",
  );
  assert.equal(nomadCommand("job status", null, ["sync"]), "nomad job status -- sync");
  assert.equal(nomadCommand("job status", "pay", ["a\u0007"]), undefined);
  assert.equal(nomadCommand("job status", "a\u0007", ["sync"]), undefined);
  const command = nomadCommand("alloc logs -stderr", evil, [evil, evil]);
  const { stdout } = await new Deno.Command("dash", {
    args: ["-c", `nomad() { printf '%s\n' "$@"; }; ${command}`],
  }).output();
  assert.deepEqual(
    new TextDecoder().decode(stdout).trim().split("\n"),
    ["alloc", "logs", "-stderr", "-namespace", evil, "--", evil, evil],
  );
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
