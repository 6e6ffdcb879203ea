// The window of one name: order of time, order of arrival, each restart once.
import assert from "node:assert/strict";
import { Window } from "../src/window.ts";

const restart = (time: number, allocation = "a", task = "t") => ({ time: BigInt(time), allocation, task });

/** A window with these restarts. */
function filled(...times: number[]): Window {
  const window = new Window();
  for (const time of times) assert.equal(window.add(restart(time)), true);
  return window;
}

Deno.test("add() counts a restart once, however often it comes", () => {
  const window = filled(1, 2, 3);
  for (const time of [1, 2, 3, 3, 1]) assert.equal(window.add(restart(time)), false);
  assert.equal(window.size, 3);
  assert.deepEqual(window.times(), [1n, 2n, 3n]);
});

Deno.test("add() takes allocation, task and time together for the identity of a restart", () => {
  const window = filled(5);
  assert.equal(window.add(restart(5, "b", "t")), true);
  assert.equal(window.add(restart(5, "a", "u")), true);
  assert.equal(window.add(restart(5, "at", "")), true);
  assert.equal(window.add(restart(5, "", "at")), true);
  assert.equal(window.add(restart(6)), true);
  for (const [allocation, task] of [["a", "t"], ["b", "t"], ["a", "u"], ["at", ""], ["", "at"]]) {
    assert.equal(window.add(restart(5, allocation, task)), false);
  }
  assert.equal(window.size, 6);
});

Deno.test("times() are in order of arrival, those that came late included", () => {
  const window = filled(30, 10, 20, 5, 40);
  assert.deepEqual(window.times(), [30n, 10n, 20n, 5n, 40n]);
  window.drop(10n);
  assert.deepEqual(window.times(), [30n, 20n, 40n]);
  assert.equal(window.add(restart(15)), true);
  assert.deepEqual(window.times(), [30n, 20n, 40n, 15n]);
});

Deno.test("newest is the latest time, not the last arrival", () => {
  assert.equal(filled(30, 10, 20).newest, 30n);
  assert.equal(filled(-5).newest, -5n);
});

Deno.test("drop() drops the restarts of its time and before it, none after", () => {
  const window = filled(9, 10, 11);
  window.drop(8n);
  assert.equal(window.size, 3);
  window.drop(10n);
  assert.deepEqual(window.times(), [11n]);
  window.drop(10n);
  assert.equal(window.size, 1);
  window.drop(11n);
  assert.equal(window.size, 0);
  assert.deepEqual(window.times(), []);
});

Deno.test("drop() drops all restarts of one time, whatever their allocation", () => {
  const window = new Window();
  for (const allocation of ["c", "a", "b"]) window.add(restart(10, allocation));
  window.drop(9n);
  assert.equal(window.size, 3);
  window.drop(10n);
  assert.equal(window.size, 0);
});

Deno.test("drop() forgets: a dropped restart is no duplicate", () => {
  const window = filled(1, 2);
  window.drop(1n);
  assert.equal(window.add(restart(1)), true);
  assert.equal(window.add(restart(2)), false);
  assert.deepEqual(window.times(), [2n, 1n]);
});

Deno.test("the window keeps nanoseconds apart that a JavaScript number does not", () => {
  const window = new Window();
  const time = 1_499_867_775_401_013_209n;
  assert.equal(window.add({ time, allocation: "a", task: "t" }), true);
  assert.equal(window.add({ time: time + 1n, allocation: "a", task: "t" }), true);
  window.drop(time);
  assert.deepEqual(window.times(), [time + 1n]);
});

Deno.test("the window does what a list does, over 100,000 random steps", () => {
  const random = generator(20170712);
  let window = new Window();
  let list: ReturnType<typeof restart>[] = [];
  let clock = 0;
  const done = { added: 0, duplicate: 0, late: 0, dropped: 0 };
  for (let step = 0; step < 100_000; step++) {
    if (random(2_000) === 0) {
      window = new Window();
      list = [];
    }
    clock += random(3);
    if (random(3) > 0) {
      const late = random(4) === 0 ? random(60) : 0;
      const one = restart(clock - late, "abc"[random(3)], "tu"[random(2)]);
      const known = list.some((other) =>
        other.time === one.time && other.allocation === one.allocation && other.task === one.task
      );
      assert.equal(window.add(one), !known);
      if (known) done.duplicate++;
      else {
        if (list.some(({ time }) => time > one.time)) done.late++;
        list.push(one);
        done.added++;
      }
    } else {
      const until = BigInt(clock - random(300));
      window.drop(until);
      const before = list.length;
      list = list.filter(({ time }) => time > until);
      done.dropped += before - list.length;
    }
    assert.equal(window.size, list.length);
    if (list.length === 0) continue;
    assert.equal(window.newest, list.reduce((newest, { time }) => time > newest ? time : newest, -1000n));
    if (step % 10 === 0) assert.deepEqual(window.times(), list.map(({ time }) => time));
  }
  for (const [what, count] of Object.entries(done)) assert.ok(count > 1_000, `${count} ${what}`);
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
