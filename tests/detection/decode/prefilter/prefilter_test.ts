// The look at bytes, compared with one that is written in the plainest way: at every place of the sixteen bytes that
// are looked at together, after any other text, at the end of the memory.
import assert from "node:assert/strict";
import {
  beforeAll,
  capacity,
  LinesToParse,
  mayRestart,
  timeOfOther,
  unknown,
} from "../../../../src/detection/decode/prefilter/prefilter.ts";
import { prefilterCode } from "../../../tools/prefilter_wasm.ts";
import { Random } from "../../../helpers/random.ts";
import { update } from "../../../helpers/updates.ts";

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** What `timeOfOther` says, by regular expressions. */
function plainly(text: string): bigint {
  if (/"Restarting|\\u/.test(text)) return mayRestart;
  if (!/^\{"Name":"[^"]/.test(text) || !text.endsWith("}}")) return unknown;
  const event = /\{"Type":"[^]*$/.exec(text.slice(1))?.[0] ?? "";
  const before = text.slice(0, text.length - event.length);
  const time = /^\{"Type":"[^"]*","Time":(1[0-9]{18}),/.exec(event)?.[1];
  return time !== undefined && before.endsWith('"TaskEvent":') ? BigInt(time) : unknown;
}

const started = update({ type: "Started", time: 1_795_491_769_495_433_123n });
/** The shortest update that is known. */
const shortest = '{"Name":"a","TaskEvent":{"Type":"","Time":1795491769495433123,}}';

const table: readonly (readonly [what: string, text: string, found: bigint])[] = [
  ["an update", started, 1_795_491_769_495_433_123n],
  ["the shortest", shortest, 1_795_491_769_495_433_123n],
  ["a restart", update(), mayRestart],
  ["a type that begins so", update({ type: "Restarting late" }), mayRestart],
  ["a type that ends so", update({ type: "Not Restarting", time: 10n ** 18n }), 10n ** 18n],
  ["an escape", update({ type: "St\\u0061rted" }), mayRestart],
  ["another escape", started.replace("run", "r\\n"), 1_795_491_769_495_433_123n],
  ["nothing", "", unknown],
  ["a brace", "}", unknown],
  ["ends only", '{"Name":"}}', unknown],
  ["no name", started.replace("job.group[0]", ""), unknown],
  ["a blank before it", ` ${started}`, unknown],
  ["a blank behind it", `${started} `, unknown],
  ["its end missing", started.slice(0, -1), unknown],
  ["another event first", started.replace('"TaskEvent":', '"X":{"Type":"","Time":1},"TaskEvent":'), unknown],
  ["a quote in the type", update({ type: 'St\\"arted' }), unknown],
  ["no time", started.replace('"Time":', '"time":'), unknown],
  ["eighteen digits", update({ type: "Started", time: 10n ** 18n - 1n }), unknown],
  ["twenty digits", update({ type: "Started", time: 10n ** 19n }), unknown],
  ["a time that begins with 2", update({ type: "Started", time: 2n * 10n ** 18n }), unknown],
  ["a fraction", started.replace("433123", "433.23"), unknown],
  ["a time at the end", '{"Name":"a","TaskEvent":{"Type":"","Time":1795491769495433123}}', unknown],
];
for (const [what, text, found] of table) {
  Deno.test(`timeOfOther() of ${what}`, () => {
    assert.equal(timeOfOther(bytes(text)), found);
    assert.equal(plainly(text), found);
  });
}

Deno.test("timeOfOther() sees a sign wherever it stands, and only in the message", () => {
  for (const sign of ['"Restarting', "\\u"]) {
    for (let place = 0; place < 300; place++) {
      const before = "x".repeat(place);
      assert.equal(timeOfOther(bytes(before + sign)), mayRestart);
      // The end of the sign is still in memory, behind the end of what is looked at.
      assert.equal(timeOfOther(bytes(before + sign.slice(0, -1))), unknown);
    }
  }
});

Deno.test("timeOfOther() takes nothing from the message before it", () => {
  for (let length = 0; length < started.length; length++) {
    timeOfOther(bytes(started));
    assert.equal(timeOfOther(bytes(started.slice(0, length))), unknown, `${length} bytes`);
  }
});

Deno.test("timeOfOther() takes messages as long as its memory, and leaves longer ones to the parser", () => {
  const long = (length: number) => started.replace("job.group", "j".repeat(length - started.length + 9));
  assert.equal(timeOfOther(bytes(long(capacity))), 1_795_491_769_495_433_123n);
  assert.equal(timeOfOther(bytes(long(capacity + 1))), unknown);
  assert.equal(timeOfOther(bytes("x".repeat(capacity - 2) + "\\u")), mayRestart);
});

Deno.test("timeOfOther() finds what regular expressions find, in texts that chance has changed", () => {
  const random = new Random(1);
  const parts = [
    '"',
    "\\",
    "\\u",
    "{",
    "}",
    "\n",
    "R",
    '"Restarting',
    '{"Type":"',
    '","Time":',
    "1",
    ",",
    "\xe9",
  ];
  const found = new Map<string, number>();
  for (let round = 0; round < 50_000; round++) {
    let text = [started, shortest, update()][random.below(3)]!;
    for (let changes = random.below(3); changes > 0; changes--) {
      const at = random.below(text.length + 1);
      text = text.slice(0, at) + parts[random.below(parts.length)]! + text.slice(at + random.below(12));
    }
    const expected = plainly(text);
    const kind = expected > mayRestart ? "time" : String(expected);
    found.set(kind, (found.get(kind) ?? 0) + 1);
    if (timeOfOther(bytes(text)) !== expected) assert.fail(`${text}\nis ${expected}`);
  }
  assert.equal([...found.values()].filter((count) => count > 3_000).length, 3);
});

Deno.test("LinesToParse yields the lines that timeOfOther() does not know, and counts the others", () => {
  const random = new Random(2);
  for (let round = 0; round < 5_000; round++) {
    const kinds = [
      started,
      shortest,
      update(),
      "",
      "\r",
      "{}",
      `${started}\r`,
      `${update()}\r`,
      "x".repeat(70),
    ];
    const lines = Array.from({ length: random.below(12) }, () => kinds[random.below(kinds.length)]!);
    const rest = random.below(2) === 0 ? "" : started.slice(0, random.below(started.length));
    const isParsed = (line: string) => timeOfOther(bytes(line.replace(/\r$/, ""))) <= mayRestart;
    const block = lines.map((line) => `${line}\n`).join("") + rest;
    assert.deepEqual(seen(block, 2n ** 62n), [...lines.filter(isParsed), rest]);
    assert.deepEqual(seen(block, beforeAll), [...lines, rest]);
  }
});

/** The lines, and what is left; that the skipped ones are all others is looked at. */
function seen(block: string, latest: bigint): string[] {
  const found: string[] = [];
  let skipped = 0;
  const lines = new LinesToParse(bytes(block));
  for (let more = true; more;) {
    more = lines.next(latest);
    skipped += lines.skipped;
    if (lines.skipped > 0) assert.equal(lines.newest, 1_795_491_769_495_433_123n);
    found.push(more ? block.slice(lines.start, lines.end) : block.slice(lines.start));
  }
  assert.equal(skipped + found.length, block.split("\n").length);
  return found;
}

Deno.test("src/detection/decode/prefilter/wasm.ts is what `deno task prefilter` makes of src/detection/decode/prefilter/prefilter.as", async () => {
  assert.equal(
    await Deno.readTextFile(new URL("../../../../src/detection/decode/prefilter/wasm.ts", import.meta.url)),
    await prefilterCode(),
  );
});
