// The agenda: the earliest first, each row once, whatever the order in which rows were put down and moved.
import assert from "node:assert/strict";
import { IndexedHeap } from "../../../src/lib/offheap/indexed_heap.ts";
import { Random } from "../../helpers/random.ts";

/** An agenda with a row at each of these times: the first, the second … */
function agendaAt(...times: bigint[]): IndexedHeap {
  const agenda = new IndexedHeap();
  for (const [row, time] of times.entries()) agenda.set(row, time);
  return agenda;
}

/** Takes everything. */
function taken(agenda: IndexedHeap): (readonly [row: number, wakeAt: bigint])[] {
  const all: (readonly [number, bigint])[] = [];
  for (let at = agenda.next; at !== undefined; at = agenda.next) {
    const next = agenda.take();
    assert.equal(agenda.has(next), false, "what is taken stands nowhere");
    all.push([next, at]);
  }
  return all;
}

const inOrder = (times: readonly bigint[]) => times.toSorted((a, b) => a < b ? -1 : 1);

Deno.test("take() yields nothing from an empty agenda, again and again", () => {
  const agenda = new IndexedHeap();
  assert.equal(agenda.next, undefined);
  assert.equal(agenda.take(), -1);
  agenda.set(7, 1n);
  assert.equal(agenda.has(7), true);
  assert.equal(agenda.take(), 7);
  assert.equal(agenda.take(), -1);
  assert.equal(agenda.has(7), false);
  assert.equal(agenda.next, undefined);
});

Deno.test("take() yields the earliest first, in whatever order rows were put down", () => {
  for (
    const times of [[1n, 2n, 3n, 4n, 5n], [5n, 4n, 3n, 2n, 1n], [3n, 1n, 5n, 2n, 4n], [2n, 1n], [1n, 2n], [
      7n,
    ]]
  ) {
    assert.deepEqual(taken(agendaAt(...times)), inOrder(times).map((time) => [times.indexOf(time), time]));
  }
});

Deno.test("next says the earliest time and takes nothing", () => {
  const agenda = agendaAt(20n);
  assert.equal(agenda.next, 20n);
  agenda.set(1, 10n);
  assert.equal(agenda.next, 10n);
  assert.equal(agenda.next, 10n);
  agenda.set(2, 30n);
  assert.equal(agenda.next, 10n);
  agenda.take();
  assert.equal(agenda.next, 20n);
});

Deno.test("set() moves a row that stands there, earlier and later and to its own time", () => {
  for (const to of [5n, 10n, 15n, 20n, 25n, 30n, 35n]) {
    for (const from of [10n, 20n, 30n]) {
      const agenda = agendaAt(1n, 2n, 40n, 50n);
      const moved = 4;
      agenda.set(moved, from);
      agenda.set(5, 20n);
      agenda.set(moved, to);
      const all = taken(agenda);
      assert.deepEqual(all.map(([, at]) => at), inOrder([1n, 2n, 20n, 40n, 50n, to]), `${from} to ${to}`);
      assert.deepEqual(all.find(([row]) => row === moved), [moved, to]);
    }
  }
});

Deno.test("set() puts a row down again after it was taken", () => {
  const agenda = agendaAt(2n);
  const again = 1;
  for (const time of [1n, 3n, 1n]) {
    agenda.set(again, time);
    assert.equal(agenda.next, time < 2n ? time : 2n);
    if (time > 2n) agenda.set(again, 0n);
    assert.equal(agenda.take(), again);
  }
  assert.deepEqual(taken(agenda), [[0, 2n]]);
});

Deno.test("rows of one time are all taken, each once", () => {
  const agenda = agendaAt(4n, 6n);
  for (const row of [2, 3, 4, 5]) agenda.set(row, 5n);
  const all = taken(agenda);
  assert.deepEqual(all.map(([, at]) => at), [4n, 5n, 5n, 5n, 5n, 6n]);
  assert.deepEqual(all.slice(1, 5).map(([row]) => row).sort(), [2, 3, 4, 5]);
});

Deno.test("the agenda keeps nanoseconds apart that a JavaScript number does not, to the limits of 64 bits", () => {
  const times = [
    1_499_867_775_401_013_210n,
    1_499_867_775_401_013_209n,
    -1n,
    0n,
    -(1n << 63n),
    (1n << 63n) - 1n,
    (1n << 63n) - 2n,
  ];
  assert.deepEqual(taken(agendaAt(...times)).map(([, at]) => at), inOrder(times));
});

Deno.test("the agenda does what a list does that is searched, over 100,000 random steps", () => {
  const random = new Random(20170712);
  // Their numbers lie in two blocks.
  const rows = Array.from({ length: 400 }, (_, index) => 3_900 + index);
  const agenda = new IndexedHeap();
  /** Where each row that stands in the agenda should be. */
  const list = new Map<number, bigint>();
  const earliest = () => list.size === 0 ? undefined : [...list.values()].reduce((a, b) => a < b ? a : b);
  const done = { put: 0, moved: 0, taken: 0, empty: 0 };
  for (let step = 0; step < 100_000; step++) {
    const grows = step % 2_000 < 1_000; // for a while, then it shrinks until it is empty
    if (random.chance(grows ? 0.7 : 0.2)) {
      const one = random.pick(rows);
      const at = BigInt(random.between(-150, 150));
      done[list.has(one) ? "moved" : "put"]++;
      agenda.set(one, at);
      list.set(one, at);
    } else {
      const at = earliest();
      assert.equal(agenda.next, at);
      const one = agenda.take();
      done[one < 0 ? "empty" : "taken"]++;
      if (one < 0) assert.equal(at, undefined);
      else {
        assert.equal(list.get(one), at, "it stood there, and is the earliest");
        assert.equal(agenda.has(one), false);
        list.delete(one);
      }
    }
    assert.equal(agenda.next, earliest());
  }
  for (const [what, count] of Object.entries(done)) assert.ok(count > 1_000, `${count} ${what}`);
});

Deno.test("an agenda of more rows than a block holds yields them all in order", () => {
  const random = new Random(5);
  const agenda = new IndexedHeap();
  const times = Array.from({ length: 20_000 }, () => BigInt(random.below(1_000_000)));
  for (const [row, time] of times.entries()) agenda.set(row, time);
  const all = taken(agenda);
  assert.deepEqual(all.map(([, at]) => at), inOrder(times));
  for (const [row, at] of all) assert.equal(times[row], at);
});
