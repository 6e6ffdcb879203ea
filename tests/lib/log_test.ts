// The log's lines: text and JSON, what is left out, and that no value can leave its place in its line.
import assert from "node:assert/strict";
import { logFormats, logLevels, openLog } from "../../src/lib/log.ts";
import { plain } from "../../src/lib/escape.ts";

/** What is written by this, line for line. */
function written(
  level: typeof logLevels[number],
  format: typeof logFormats[number],
  write: (log: ReturnType<typeof openLog>) => void,
): string[] {
  const lines: string[] = [];
  write(openLog(level, format, (line) => lines.push(line)));
  return lines;
}

const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

/** The line without its time. */
function withoutTime(line: string): string {
  assert.match(line, timestamp);
  return line.replace(timestamp, "<time>");
}

const sentences: readonly (readonly [sentence: string, fields: Record<string, unknown>, message: string])[] =
  [
    ["nothing to fill in", {}, "nothing to fill in"],
    [
      "{name}: crash loop, {restarts} restarts",
      { name: "a.b[0]", restarts: 5 },
      "a.b[0]: crash loop, 5 restarts",
    ],
    [
      "{reason}",
      { reason: 'cannot read "x": there is no such file' },
      'cannot read "x": there is no such file',
    ],
    ["{a} {a}", { a: "twice" }, "twice twice"],
    ["{a}", { a: "{b}", b: "not filled in" }, "{b}"],
    ["{a}", { a: "" }, ""],
    ["{yes} {none}", { yes: true, none: null }, "true null"],
  ];

Deno.test("openLog() writes text: time, level and sentence on a line", () => {
  for (const [sentence, fields, message] of sentences) {
    const lines = written("debug", "text", (log) => log.info(sentence, fields));
    assert.deepEqual(lines.map(withoutTime), [`<time> info ${message}\n`]);
  }
});

Deno.test("openLog() cuts texts of more than 1,000 characters, of which a name can have millions", () => {
  const long = "x".repeat(999);
  for (
    const [name, logged] of [[`${long}y`, `${long}y`], [`${long}yz`, `${long}y…`], [
      `${long}🚀`,
      `${long}\ufffd…`,
    ]]
  ) {
    const [text] = written("debug", "text", (log) => log.info("{name}!", { name }));
    assert.equal(withoutTime(text!), `<time> info ${logged}!\n`);
    const [json] = written("debug", "json", (log) => log.info("{name}!", { name, name2: name }));
    const { message, name: field, name2 } = JSON.parse(json!);
    assert.deepEqual([message, field, name2], [`${logged}!`, logged, logged]);
  }
});

Deno.test("openLog() writes JSON: an object a line, with every field", () => {
  for (const [sentence, fields] of sentences) {
    const lines = written("debug", "json", (log) => log.info(sentence, fields));
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^[^\r\n]*\n$/);
    const { "@timestamp": time, level, message, logger, ...rest } = JSON.parse(lines[0]!);
    assert.match(time, timestamp);
    assert.equal(level, "INFO");
    assert.equal(typeof message, "string");
    assert.equal(logger, "nomad-crashloop-detector");
    assert.deepEqual(rest, fields);
  }
});

Deno.test("openLog() writes the same sentence as JSON that it writes as text", () => {
  for (const [sentence, fields, message] of sentences) {
    const [line] = written("debug", "json", (log) => log.info(sentence, fields));
    assert.equal(JSON.parse(line!).message, message);
  }
});

Deno.test("openLog() leaves out what is below its level", () => {
  for (const format of logFormats) {
    for (const [index, level] of logLevels.entries()) {
      const lines = written(level, format, (log) => {
        for (const of of logLevels) log[of]("of {of}", { of });
      });
      assert.equal(lines.length, logLevels.length - index, level);
      for (const [offset, of] of logLevels.slice(index).entries()) assert.ok(lines[offset]!.includes(of));
    }
  }
});

Deno.test("openLog() says the level of each line in text", () => {
  const lines = written("debug", "text", (log) => {
    for (const level of logLevels) log[level]("x");
  });
  assert.deepEqual(lines.map(withoutTime), logLevels.map((level) => `<time> ${level} x\n`));
});

Deno.test("openLog() called again writes to the new output only", () => {
  const first: string[] = [];
  openLog("info", "text", (line) => first.push(line));
  const second = written("info", "text", (log) => log.info("x"));
  assert.deepEqual([first.length, second.length], [0, 1]);
});

/** Every character that moves a terminal's cursor, colours it, or turns text round. */
const hostile = [
  ...Array.from({ length: 32 }, (_, code) => code),
  ...Array.from({ length: 33 }, (_, code) => 0x7f + code),
  ...[0x061c, 0x200e, 0x200f],
  ...Array.from({ length: 7 }, (_, code) => 0x2028 + code),
  ...Array.from({ length: 4 }, (_, code) => 0x2066 + code),
].map((code) => String.fromCharCode(code));

/** The hostile characters that stand raw in a line, as numbers. */
function raw(line: string): string[] {
  return hostile.filter((character) => line.includes(character)).map((character) =>
    character.charCodeAt(0).toString(16)
  );
}

Deno.test("plain() writes every hostile character as an escape, and nothing else", () => {
  for (const character of hostile) {
    const escape = `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    assert.equal(plain(`a${character}b${character}`), `a${escape}b${escape}`);
  }
  const harmless = ' !"{}\\~\u00a0\u00e9\u4e2d\u{1f600}\u05d0';
  assert.equal(plain(harmless), harmless);
});

for (const format of logFormats) {
  Deno.test(`openLog() writes no hostile character raw as ${format}`, () => {
    const value = hostile.join("x");
    for (const fields of [{ value }, { value: [value] }, { value: { [value]: value } }]) {
      const lines = written("info", format, (log) => log.info("{value}", fields));
      assert.equal(lines.length, 1);
      assert.ok(lines[0]!.endsWith("\n"));
      assert.deepEqual(raw(lines[0]!.slice(0, -1)), []);
      if (format === "json") assert.deepEqual(JSON.parse(lines[0]!).value, fields.value);
    }
  });

  Deno.test(`openLog() lets no value forge a line as ${format}`, () => {
    const forged = "2017-07-12T13:56:15.401Z error forged";
    for (const lineEnd of ["\n", "\r\n", "\r", "\u2028", "\u0085"]) {
      const reason = `fine${lineEnd}${forged}`;
      const lines = written("info", format, (log) => log.info("{reason}", { reason }));
      assert.equal(lines.length, 1);
      assert.equal(lines[0]!.trimEnd().split(/[\r\n\u0085\u2028\u2029]/).length, 1);
      if (format === "json") assert.equal(JSON.parse(lines[0]!).reason, reason);
    }
  });
}
