// The heap: the earliest first, each row once, whatever the order in which rows were put down and moved.
import assert from "node:assert/strict";
import { IndexedHeap } from "../../../src/lib/offheap/indexed_heap.ts";
import { Random } from "../../helpers/random.ts";

/** An heap with a row at each of these times: the first, the second … */
function heapAt(...times: bigint[]): IndexedHeap {
  const heap = new IndexedHeap();
  for (const [row, time] of times.entries()) heap.set(row, time);
  return heap;
}

/** Takes everything. */
function taken(heap: IndexedHeap): (readonly [row: number, wakeAt: bigint])[] {
  const all: (readonly [number, bigint])[] = [];
  for (let at = heap.next; at !== undefined; at = heap.next) {
    const next = heap.take();
    assert.equal(heap.has(next), false, "a taken row is not in the heap");
    all.push([next, at]);
  }
  return all;
}

const inOrder = (times: readonly bigint[]) => times.toSorted((a, b) => a < b ? -1 : 1);

Deno.test("take() yields nothing from an empty heap, again and again", () => {
  const heap = new IndexedHeap();
  assert.equal(heap.next, undefined);
  assert.equal(heap.take(), -1);
  heap.set(7, 1n);
  assert.equal(heap.has(7), true);
  assert.equal(heap.take(), 7);
  assert.equal(heap.take(), -1);
  assert.equal(heap.has(7), false);
  assert.equal(heap.next, undefined);
});

Deno.test("take() yields the earliest first, in whatever order rows were put down", () => {
  for (
    const times of [[1n, 2n, 3n, 4n, 5n], [5n, 4n, 3n, 2n, 1n], [3n, 1n, 5n, 2n, 4n], [2n, 1n], [1n, 2n], [
      7n,
    ]]
  ) {
    assert.deepEqual(taken(heapAt(...times)), inOrder(times).map((time) => [times.indexOf(time), time]));
  }
});

Deno.test("next says the earliest time and takes nothing", () => {
  const heap = heapAt(20n);
  assert.equal(heap.next, 20n);
  heap.set(1, 10n);
  assert.equal(heap.next, 10n);
  assert.equal(heap.next, 10n);
  heap.set(2, 30n);
  assert.equal(heap.next, 10n);
  heap.take();
  assert.equal(heap.next, 20n);
});

Deno.test("set() moves a row earlier, later, and to its own time", () => {
  for (const to of [5n, 10n, 15n, 20n, 25n, 30n, 35n]) {
    for (const from of [10n, 20n, 30n]) {
      const heap = heapAt(1n, 2n, 40n, 50n);
      const moved = 4;
      heap.set(moved, from);
      heap.set(5, 20n);
      heap.set(moved, to);
      const all = taken(heap);
      assert.deepEqual(all.map(([, at]) => at), inOrder([1n, 2n, 20n, 40n, 50n, to]), `${from} to ${to}`);
      assert.deepEqual(all.find(([row]) => row === moved), [moved, to]);
    }
  }
});

Deno.test("set() puts a row down again after it was taken", () => {
  const heap = heapAt(2n);
  const again = 1;
  for (const time of [1n, 3n, 1n]) {
    heap.set(again, time);
    assert.equal(heap.next, time < 2n ? time : 2n);
    if (time > 2n) heap.set(again, 0n);
    assert.equal(heap.take(), again);
  }
  assert.deepEqual(taken(heap), [[0, 2n]]);
});

Deno.test("rows of one time are all taken, each once", () => {
  const heap = heapAt(4n, 6n);
  for (const row of [2, 3, 4, 5]) heap.set(row, 5n);
  const all = taken(heap);
  assert.deepEqual(all.map(([, at]) => at), [4n, 5n, 5n, 5n, 5n, 6n]);
  assert.deepEqual(all.slice(1, 5).map(([row]) => row).sort(), [2, 3, 4, 5]);
});

Deno.test("the heap keeps nanoseconds apart that a JavaScript number does not, to the limits of 64 bits", () => {
  const times = [
    1_499_867_775_401_013_210n,
    1_499_867_775_401_013_209n,
    -1n,
    0n,
    -(1n << 63n),
    (1n << 63n) - 1n,
    (1n << 63n) - 2n,
  ];
  assert.deepEqual(taken(heapAt(...times)).map(([, at]) => at), inOrder(times));
});

Deno.test("the heap does what a list does that is searched, over 100,000 random steps", () => {
  const random = new Random(20170712);
  // Their numbers lie in two blocks.
  const rows = Array.from({ length: 400 }, (_, index) => 3_900 + index);
  const heap = new IndexedHeap();
  /** The expected time of each row in the heap. */
  const list = new Map<number, bigint>();
  const earliest = () => list.size === 0 ? undefined : [...list.values()].reduce((a, b) => a < b ? a : b);
  const done = { put: 0, moved: 0, taken: 0, empty: 0 };
  for (let step = 0; step < 100_000; step++) {
    const grows = step % 2_000 < 1_000; // for a while, then it shrinks until it is empty
    if (random.chance(grows ? 0.7 : 0.2)) {
      const one = random.pick(rows);
      const at = BigInt(random.between(-150, 150));
      done[list.has(one) ? "moved" : "put"]++;
      heap.set(one, at);
      list.set(one, at);
    } else {
      const at = earliest();
      assert.equal(heap.next, at);
      const one = heap.take();
      done[one < 0 ? "empty" : "taken"]++;
      if (one < 0) assert.equal(at, undefined);
      else {
        assert.equal(list.get(one), at, "it stood there, and is the earliest");
        assert.equal(heap.has(one), false);
        list.delete(one);
      }
    }
    assert.equal(heap.next, earliest());
  }
  for (const [what, count] of Object.entries(done)) assert.ok(count > 1_000, `${count} ${what}`);
});

Deno.test("an heap of more rows than a block holds yields them all in order", () => {
  const random = new Random(5);
  const heap = new IndexedHeap();
  const times = Array.from({ length: 20_000 }, () => BigInt(random.below(1_000_000)));
  for (const [row, time] of times.entries()) heap.set(row, time);
  const all = taken(heap);
  assert.deepEqual(all.map(([, at]) => at), inOrder(times));
  for (const [row, at] of all) assert.equal(times[row], at);
});
