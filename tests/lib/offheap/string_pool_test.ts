// Texts outside of V8's heap: each comes back as it was, whatever happens to the others, and room is given back.
import assert from "node:assert/strict";
import { StringPool } from "../../../src/lib/offheap/string_pool.ts";
import { Random } from "../../helpers/random.ts";

const slab = 2 ** 18;

const samples = [
  "",
  "a",
  '{"Name":"api.web[0]"}',
  "\0",
  "a\0b",
  "\x7f",
  "\x80\xff",
  "é",
  "ÿ".repeat(100),
  "€",
  "😀",
  "\u{10ffff}",
  "\ufeffa",
  "a\ufeff",
  "\ufffd",
  "中文".repeat(700),
  `${"x".repeat(899)}é`,
  "x".repeat(100_000),
  "é".repeat(300_000),
];

Deno.test("read() yields what was put, to the last character", () => {
  for (const step of [16, 64]) {
    const texts = new StringPool(step);
    const ids = samples.map((text) => texts.put(text));
    assert.equal(new Set(ids).size, samples.length);
    for (const [index, id] of ids.entries()) assert.equal(texts.read(id), samples[index]);
  }
});

Deno.test("read() yields texts of every length around the sizes of slots, in ASCII and beyond", () => {
  const texts = new StringPool(16);
  const kept = new Map<number, string>();
  for (const character of ["x", "é", "€"]) {
    for (const around of [0, 16, 32, 1024, 2048, 4096, 8192, slab]) {
      for (let length = Math.max(0, around - 20); length < around + 20; length++) {
        const text = character.repeat(length);
        kept.set(texts.put(text), text);
      }
    }
  }
  for (const [id, text] of kept) assert.equal(texts.read(id), text);
});

Deno.test("is() distinguishes a text from all others", () => {
  const texts = new StringPool(16);
  const others = [...samples, "b", "aa", "\x00\x00", "e", "Ã©", "ÿ".repeat(99), "?"];
  for (const text of samples) {
    const id = texts.put(text);
    for (const other of others) assert.equal(texts.is(id, other), other === text, `${text} ${other}`);
  }
});

Deno.test("replace() keeps the place of a text of about the same length, and leaves its neighbours alone", () => {
  const texts = new StringPool(64);
  const [before, id, after] = ["x".repeat(900), "y".repeat(900), "z".repeat(900)].map((text) =>
    texts.put(text)
  );
  const { bytes } = texts;
  for (const length of [956, 893, 900]) {
    const text = String(length % 10).repeat(length);
    assert.equal(texts.replace(id!, text), id);
    assert.equal(texts.read(id!), text);
  }
  assert.equal(texts.bytes, bytes);
  assert.deepEqual([texts.read(before!), texts.read(after!)], ["x".repeat(900), "z".repeat(900)]);
});

Deno.test("replace() by a much longer or shorter text gives the old room back", () => {
  const texts = new StringPool(64);
  let id = texts.put("a");
  for (let round = 0; round < 10_000; round++) {
    const text = "é".repeat(round % 7 * 1_000);
    id = texts.replace(id, text);
    assert.equal(texts.read(id), text);
  }
  assert.ok(texts.bytes <= 10 * slab, `${texts.bytes} bytes are held for one text`);
});

Deno.test("free() gives room back: to texts of that size, and whole slabs to all", () => {
  const texts = new StringPool(64);
  const fill = (length: number) => Array.from({ length: 10_000 }, () => texts.put("x".repeat(length)));
  const ids = fill(900);
  const { bytes } = texts;
  assert.ok(bytes >= 9_000_000 && bytes < 11_000_000, `${bytes}`);
  for (const id of ids.slice(0, 5_000)) texts.free(id);
  for (let index = 0; index < 5_000; index++) texts.put("y".repeat(900));
  assert.ok(texts.bytes <= bytes, "the room is used again");
  const more = new StringPool(64);
  for (const length of [900, 500, 10_000]) {
    const many = Array.from({ length: 1_000 }, () => more.put("x".repeat(length)));
    for (const id of many) more.free(id);
    assert.ok(more.bytes <= 2 * slab, `${more.bytes} bytes are held for nothing`);
  }
});

Deno.test("one text that comes and goes does not bring a slab with it each time", () => {
  const texts = new StringPool(64);
  texts.free(texts.put("x"));
  const { bytes } = texts;
  assert.equal(bytes > 0, true);
  const id = texts.put("y");
  assert.equal(texts.bytes, bytes);
  texts.free(id);
  assert.equal(texts.bytes, bytes);
});

for (const step of [16, 64]) {
  Deno.test(`texts in slots of ${step} do what a map does, over 200,000 random steps`, () => {
    const random = new Random(20170712);
    const texts = new StringPool(step);
    const map = new Map<number, string>();
    let ids: number[] = [];
    const done = { put: 0, replaced: 0, moved: 0, freed: 0, read: 0 };
    for (let round = 0; round < 200_000; round++) {
      const grows = round % 50_000 < 25_000;
      if (ids.length === 0 || random.chance(grows ? 0.4 : 0.05)) {
        const text = someText(random);
        const id = texts.put(text);
        assert.equal(map.has(id), false, "the number is of no other text");
        map.set(id, text);
        ids.push(id);
        done.put++;
        continue;
      }
      const index = random.below(ids.length);
      const id = ids[index]!;
      assert.equal(texts.read(id), map.get(id));
      done.read++;
      if (random.chance(0.5)) {
        const text = someText(random);
        const next = texts.replace(id, text);
        map.delete(id);
        assert.equal(map.has(next), false);
        map.set(next, text);
        ids[index] = next;
        done[next === id ? "replaced" : "moved"]++;
      } else if (random.chance(grows ? 0.2 : 0.9)) {
        texts.free(id);
        map.delete(id);
        ids[index] = ids.at(-1)!;
        ids.pop();
        done.freed++;
      }
    }
    for (const [what, count] of Object.entries(done)) assert.ok(count > 1_000, `${count} ${what}`);
    ids = [...map.keys()];
    for (const id of ids) {
      assert.equal(texts.read(id), map.get(id));
      assert.equal(texts.is(id, map.get(id)!), true);
    }
  });
}

/** Mostly short ASCII; now and then long, or with characters of two, three or four bytes. */
function someText(random: Random): string {
  const length = random.chance(0.01) ? random.below(20_000) : random.below(200);
  const text = random.pick(["a", "{", "\0", "\x7f"]).repeat(length);
  if (!random.chance(0.2)) return text;
  const odd = random.pick(["é", "\xff", "€", "😀", "\ufeff", "\ufffd"]);
  const at = random.below(length + 1);
  return text.slice(0, at) + odd.repeat(random.between(1, 30)) + text.slice(at);
}
