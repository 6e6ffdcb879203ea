// Names and their rows: found while they are there, never mistaken for one another.
import assert from "node:assert/strict";
import { Interner } from "../../../src/lib/offheap/interner.ts";
import { Random } from "../../helpers/random.ts";

Deno.test("find() yields the row that add() gave, and -1 for a name that is not there", () => {
  const names = new Interner();
  assert.equal(names.find("a"), -1);
  const row = names.add("a");
  assert.equal(names.find("a"), row);
  assert.equal(names.find("b"), -1);
  assert.equal(names.find(""), -1);
  assert.equal(names.name(row), "a");
  names.delete(row);
  assert.equal(names.find("a"), -1);
  assert.equal(names.size, 0);
});

Deno.test("names that differ in little are different ones", () => {
  const names = new Interner();
  const all = [
    "",
    "a",
    "A",
    "aa",
    "a ",
    "a\0",
    "\0a",
    "é",
    "e\u0301",
    "Ã©",
    "\xff",
    "\ufeffa",
    "😀",
    "__proto__",
  ];
  const rows = all.map((name) => names.add(name));
  assert.equal(new Set(rows).size, all.length);
  for (const [index, name] of all.entries()) {
    assert.equal(names.find(name), rows[index], name);
    assert.equal(names.name(rows[index]!), name);
  }
});

Deno.test("names of one hash are different ones, in whatever order they go", () => {
  // The table's hash is FNV-1a of 32 bits: these pairs agree in all of them.
  for (const [one, other] of [["costarring", "liquid"], ["declinate", "macallums"], ["altarage", "zinke"]]) {
    for (const [first, second] of [[one!, other!], [other!, one!]] as const) {
      const names = new Interner();
      const [a, b] = [names.add(first), names.add(second)];
      assert.deepEqual([names.find(first), names.find(second)], [a, b]);
      names.delete(a);
      assert.deepEqual([names.find(first), names.find(second)], [-1, b]);
      const again = names.add(first);
      assert.deepEqual([names.find(first), names.find(second)], [again, b]);
      names.delete(b);
      assert.deepEqual([names.find(first), names.find(second)], [again, -1]);
    }
  }
});

Deno.test("rows are used again: they stay below the most names there were at one time", () => {
  const names = new Interner();
  const rows = new Set<number>();
  for (let round = 0; round < 100_000; round++) {
    rows.add(names.add(`name ${round}`));
    if (round >= 99) names.delete(names.find(`name ${round - 99}`));
  }
  assert.deepEqual([...rows].sort((a, b) => a - b), Array.from({ length: 100 }, (_, row) => row));
});

Deno.test("names do what a map does, over 200,000 random steps", () => {
  const random = new Random(20170712);
  const names = new Interner();
  const map = new Map<string, number>();
  const done = { added: 0, found: 0, missed: 0, deleted: 0 };
  for (let step = 0; step < 200_000; step++) {
    const grows = step % 50_000 < 25_000;
    const name = `${random.pick(["api", "é", "😀", ""])}-${random.below(20_000)}.web[${random.below(2)}]`;
    const row = names.find(name);
    assert.equal(row, map.get(name) ?? -1, name);
    done[row < 0 ? "missed" : "found"]++;
    if (row < 0 && random.chance(grows ? 0.9 : 0.1)) {
      map.set(name, names.add(name));
      done.added++;
    } else if (row >= 0 && random.chance(grows ? 0.1 : 0.95)) {
      names.delete(row);
      map.delete(name);
      done.deleted++;
    }
    assert.equal(names.size, map.size);
    if (step % 10_000 === 0 || step === 199_999) {
      const rows = [...names.rows()];
      assert.deepEqual(rows.toSorted((a, b) => a - b), [...map.values()].toSorted((a, b) => a - b));
      for (const row of rows) assert.equal(map.get(names.name(row)), row);
    }
  }
  for (const [what, count] of Object.entries(done)) assert.ok(count > 10_000, `${count} ${what}`);
});
