// The agenda: the earliest first, whatever the order in which things were put down.
import assert from "node:assert/strict";
import { Agenda } from "../src/agenda.ts";

/** Takes everything. */
function taken<T>(agenda: Agenda<T>): (readonly [at: bigint, thing: T])[] {
  const all: (readonly [bigint, T])[] = [];
  for (let entry = agenda.take(); entry !== undefined; entry = agenda.take()) {
    all.push([entry.at, entry.thing]);
  }
  return all;
}

Deno.test("take() yields nothing from an empty agenda, again and again", () => {
  const agenda = new Agenda<string>();
  assert.equal(agenda.next, undefined);
  assert.equal(agenda.take(), undefined);
  assert.equal(agenda.take(), undefined);
  agenda.add(1n, "a");
  assert.deepEqual(agenda.take(), { at: 1n, thing: "a" });
  assert.equal(agenda.take(), undefined);
  assert.equal(agenda.next, undefined);
});

Deno.test("take() yields the earliest first, in whatever order things were added", () => {
  for (const times of [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [3, 1, 5, 2, 4], [2, 1], [1, 2], [7]]) {
    const agenda = new Agenda<string>();
    for (const time of times) agenda.add(BigInt(time), `at ${time}`);
    const sorted = times.toSorted((a, b) => a - b).map((time) => [BigInt(time), `at ${time}`]);
    assert.deepEqual(taken(agenda), sorted);
  }
});

Deno.test("next says the earliest time and takes nothing", () => {
  const agenda = new Agenda<string>();
  agenda.add(20n, "b");
  assert.equal(agenda.next, 20n);
  agenda.add(10n, "a");
  assert.equal(agenda.next, 10n);
  assert.equal(agenda.next, 10n);
  agenda.add(30n, "c");
  assert.equal(agenda.next, 10n);
  agenda.take();
  assert.equal(agenda.next, 20n);
});

Deno.test("add() keeps things of one time apart, and the same thing as often as it is added", () => {
  const agenda = new Agenda<string>();
  for (const thing of ["a", "b", "a", "c"]) agenda.add(5n, thing);
  agenda.add(4n, "first");
  agenda.add(6n, "last");
  const all = taken(agenda);
  assert.deepEqual(all.map(([at]) => at), [4n, 5n, 5n, 5n, 5n, 6n]);
  assert.deepEqual(all.slice(1, 5).map(([, thing]) => thing).sort(), ["a", "a", "b", "c"]);
  assert.deepEqual([all[0]![1], all[5]![1]], ["first", "last"]);
});

Deno.test("the agenda keeps nanoseconds apart that a JavaScript number does not, before 1970 too", () => {
  const agenda = new Agenda<string>();
  const times = [
    1_499_867_775_401_013_210n,
    1_499_867_775_401_013_209n,
    -1n,
    0n,
    -(1n << 63n),
    (1n << 63n) - 1n,
  ];
  for (const time of times) agenda.add(time, String(time));
  assert.deepEqual(taken(agenda).map(([at]) => at), times.toSorted((a, b) => a < b ? -1 : 1));
});

Deno.test("the agenda does what a sorted list does, over 100,000 random steps", () => {
  const random = generator(20170712);
  const agenda = new Agenda<number>();
  const list: { at: bigint; thing: number }[] = [];
  let longest = 0;
  for (let step = 0; step < 100_000; step++) {
    // Grows for a while, then shrinks until it is empty.
    const grows = step % 1_000 < 600;
    if (random(10) < (grows ? 7 : 2)) {
      const at = BigInt(random(300) - 150);
      agenda.add(at, step);
      list.push({ at, thing: step });
    } else {
      const entry = agenda.take();
      if (entry === undefined) assert.equal(list.length, 0);
      else {
        const place = list.findIndex(({ at, thing }) => at === entry.at && thing === entry.thing);
        assert.ok(place >= 0, "was added and not taken yet");
        assert.ok(list.every(({ at }) => at >= entry.at), "is the earliest");
        list.splice(place, 1);
      }
    }
    longest = Math.max(longest, list.length);
    assert.equal(
      agenda.next,
      list.reduce<bigint | undefined>(
        (least, { at }) => least === undefined || at < least ? at : least,
        undefined,
      ),
    );
  }
  assert.ok(longest > 200, `${longest} at most`);
});

/** Whole numbers below a bound, the same ones for the same seed (mulberry32). */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % bound;
  };
}
