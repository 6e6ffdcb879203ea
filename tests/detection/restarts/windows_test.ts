// The windows of all keys: each restart once, the first to leave first, and their times in order of arrival.
import assert from "node:assert/strict";
import { type Counted, Windows } from "../../../src/detection/restarts/windows.ts";
import { Random } from "../../helpers/random.ts";

let arrivals = 0;

/** A restart that counts for 100 ns, unless `leavesAt` says otherwise. */
function restart(time: bigint, { identity = 1, leavesAt = time + 100n } = {}): Counted {
  return { time, identity, leavesAt, arrival: arrivals++ };
}

/** Windows of which one holds restarts of these times. */
function filled(...times: bigint[]): { windows: Windows; window: number } {
  const windows = new Windows();
  const window = 0;
  for (const time of times) assert.equal(windows.add(window, restart(time)), true);
  return { windows, window };
}

Deno.test("add() takes a restart once, however often it comes", () => {
  const { windows, window } = filled(1n, 2n, 3n);
  for (const time of [1n, 2n, 3n, 3n, 1n]) assert.equal(windows.add(window, restart(time)), false);
  assert.equal(windows.size(window), 3);
  assert.deepEqual(windows.times(window), [1n, 2n, 3n]);
});

Deno.test("add() identifies a restart by time and identity together", () => {
  const { windows, window } = filled(5n);
  const others = [[5n, 2], [5n, 0], [5n, 2 ** 53 - 1], [5n, 2 ** 53 - 2], [6n, 1], [4n, 1]] as const;
  for (const [time, identity] of others) {
    assert.equal(windows.add(window, restart(time, { identity })), true, `${identity} at ${time}`);
  }
  for (const [time, identity] of others) {
    assert.equal(windows.add(window, restart(time, { identity })), false, `${identity} at ${time}`);
  }
  assert.equal(windows.size(window), 7);
});

Deno.test("add() takes the same restart into the windows of two names", () => {
  const { windows, window } = filled(1n);
  const other = 1;
  assert.equal(windows.add(other, restart(1n)), true);
  windows.drop(window, 101n);
  assert.deepEqual([windows.size(window), windows.size(other)], [0, 1]);
  assert.deepEqual(windows.times(other), [1n]);
});

Deno.test("times() are in order of arrival, those that came late included", () => {
  const { windows, window } = filled(30n, 10n, 20n, 5n, 40n);
  assert.deepEqual(windows.times(window), [30n, 10n, 20n, 5n, 40n]);
  windows.drop(window, 110n);
  assert.deepEqual(windows.times(window), [30n, 20n, 40n]);
  assert.equal(windows.add(window, restart(15n)), true);
  assert.deepEqual(windows.times(window), [30n, 20n, 40n, 15n]);
});

Deno.test("drop() drops what leaves at its time and before it, and nothing that leaves after it", () => {
  const { windows, window } = filled(9n, 10n, 11n);
  windows.drop(window, 108n);
  assert.equal(windows.size(window), 3);
  windows.drop(window, 110n);
  assert.deepEqual(windows.times(window), [11n]);
  windows.drop(window, 110n);
  assert.equal(windows.size(window), 1);
  windows.drop(window, 111n);
  assert.equal(windows.size(window), 0);
  assert.deepEqual(windows.times(window), []);
});

Deno.test("drop() forgets: what was dropped is no duplicate", () => {
  const { windows, window } = filled(1n, 2n);
  windows.drop(window, 101n);
  assert.equal(windows.add(window, restart(1n)), true);
  assert.equal(windows.add(window, restart(2n)), false);
  assert.deepEqual(windows.times(window), [2n, 1n]);
});

Deno.test("dropFirst() yields what leaves first; of several, what came first", () => {
  const windows = new Windows();
  const window = 0;
  const added = [[20n, 1], [10n, 1], [10n, 2], [15n, 1]] as const;
  const restarts = added.map(([time, identity]) => restart(time, { identity }));
  for (const one of restarts) windows.add(window, one);
  const dropped = restarts.map(() => windows.dropFirst(window));
  assert.deepEqual(dropped, [restarts[1], restarts[2], restarts[3], restarts[0]]);
  assert.equal(windows.size(window), 0);
});

Deno.test("emptyAt() is when the last restart leaves, not the one that came last", () => {
  const { windows, window } = filled(30n, 10n, 20n);
  assert.equal(windows.emptyAt(window), 130n);
  windows.add(window, restart(500n, { leavesAt: 140n }));
  assert.equal(windows.emptyAt(window), 140n);
});

Deno.test("add() knows a restart from far in the future again, although it would leave at another time now", () => {
  const { windows, window } = filled(1n, 2n);
  const far = (leavesAt: bigint) => restart(1_000n, { leavesAt });
  assert.equal(windows.add(window, far(200n)), true);
  for (const leavesAt of [200n, 210n, 300n, 1_000n, 1_100n]) {
    assert.equal(windows.add(window, far(leavesAt)), false, `later, leaves at ${leavesAt}`);
  }
  for (const leavesAt of [199n, 150n, 101n, 50n]) {
    assert.equal(windows.add(window, far(leavesAt)), false, `the clock was set back, leaves at ${leavesAt}`);
  }
  assert.equal(windows.add(window, restart(999n, { leavesAt: 200n })), true);
  assert.deepEqual(windows.times(window), [1n, 2n, 1_000n, 999n]);
});

Deno.test("a restart from far in the future leaves before its time, and its window is as any other then", () => {
  const { windows, window } = filled();
  windows.add(window, restart(1_000n, { leavesAt: 200n }));
  windows.add(window, restart(150n));
  windows.drop(window, 200n);
  assert.deepEqual(windows.times(window), [150n]);
  assert.equal(windows.add(window, restart(1_000n, { leavesAt: 400n })), true);
  windows.drop(window, 400n);
  assert.equal(windows.size(window), 0);
  windows.add(window, restart(401n));
  // Only in a window that holds a far one the same is looked for among those that leave at another time.
  assert.equal(windows.add(window, restart(401n, { leavesAt: 700n })), true);
});

Deno.test("windows keep nanoseconds apart that a JavaScript number does not, to the limits of 64 bits", () => {
  const windows = new Windows();
  const window = 0;
  const [least, most] = [-(1n << 63n), (1n << 63n) - 1n];
  const restarts = [
    restart(1_499_867_775_401_013_209n),
    restart(1_499_867_775_401_013_210n),
    restart(least),
    restart(least + 1n),
    restart(-1n),
    restart(most - 1n, { leavesAt: most }),
    restart(most, { leavesAt: most }),
    restart(0n, { identity: 2 ** 53 - 1 }),
  ];
  for (const one of restarts) assert.equal(windows.add(window, one), true);
  for (const one of restarts) assert.equal(windows.add(window, one), false);
  assert.deepEqual(windows.times(window), restarts.map(({ time }) => time));
  windows.drop(window, most - 1n);
  assert.deepEqual([windows.dropFirst(window), windows.dropFirst(window)], restarts.slice(5, 7));
  assert.equal(windows.size(window), 0);
});

Deno.test("the rows of what left are used again: many restarts need no more room than the most at one time", () => {
  const windows = new Windows();
  for (let time = 0n; time < 100_000n; time++) {
    const window = Number(time % 50n);
    windows.drop(window, time);
    windows.add(window, restart(time));
  }
  assert.ok(windows.peakRows <= 100, `${windows.peakRows} rows were used for 100 restarts at one time`);
});

Deno.test("windows that grow keep what is in them", () => {
  const windows = new Windows();
  const times = Array.from({ length: 7 }, (): bigint[] => []);
  for (let index = 0; index < 10_000; index++) {
    const time = BigInt(index * 7919 % 10_007);
    assert.equal(windows.add(index % 7, restart(time, { leavesAt: 20_000n + time })), true);
    times[index % 7]!.push(time);
  }
  for (const [window, ofWindow] of times.entries()) {
    assert.deepEqual(windows.times(window), ofWindow);
    for (const time of ofWindow.toSorted((a, b) => a < b ? -1 : 1)) {
      assert.equal(windows.dropFirst(window).time, time);
    }
  }
});

/** A window as a list that is searched and sorted each time. */
class SlowWindow {
  restarts: Counted[] = [];

  get sorted(): Counted[] {
    return this.restarts.toSorted((a, b) => a.leavesAt < b.leavesAt ? -1 : a.leavesAt > b.leavesAt ? 1 : 0);
  }

  add(restart: Counted): boolean {
    const known = this.restarts.some(({ time, identity }) =>
      time === restart.time && identity === restart.identity
    );
    if (!known) this.restarts.push(restart);
    return !known;
  }

  drop(now: bigint): number {
    const before = this.restarts.length;
    this.restarts = this.restarts.filter(({ leavesAt }) => leavesAt > now);
    return before - this.restarts.length;
  }

  dropFirst(): Counted {
    const [first] = this.sorted;
    this.restarts = this.restarts.filter((restart) => restart !== first);
    return first!;
  }
}

Deno.test("windows do what lists do, over 200,000 random steps of ten names", () => {
  const random = new Random(20170712);
  const windows = new Windows();
  const interval = 300n;
  // Their numbers lie in two blocks.
  const numbers = Array.from({ length: 10 }, (_, index) => 4_091 + index);
  let names = numbers.map((window) => ({ window, slow: new SlowWindow() }));
  let now = 0n;
  const done = { added: 0, duplicate: 0, late: 0, odd: 0, dropped: 0, back: 0, first: 0 };
  for (let step = 0; step < 200_000; step++) {
    // Fills, so that columns grow; then the next windows take over the rows of those that were emptied.
    if (step % 20_000 === 19_999) {
      for (const { window } of names) windows.drop(window, now + 10_000n);
      names = numbers.map((window) => ({ window, slow: new SlowWindow() }));
    }
    now += BigInt(random.below(3));
    if (random.chance(0.001)) { // the clock is set back
      now -= 200n;
      done.back++;
    }
    const { window, slow } = random.pick(names);
    if (random.chance(0.75)) {
      const odd = random.chance(0.02);
      // Far ones have few different times, so that they come again at another time of the clock.
      const far = (now + 2n * interval) / 1_000n * 1_000n + 1_000n;
      const time = odd ? far : now - BigInt(random.below(120));
      const leavesAt = odd ? now + 2n * interval : time + interval;
      const one = { time, identity: random.below(3), leavesAt, arrival: step };
      const late = slow.restarts.some((other) => other.leavesAt > leavesAt);
      const isNew = slow.add(one);
      assert.equal(windows.add(window, one), isNew, `step ${step}`);
      done[!isNew ? "duplicate" : odd ? "odd" : late ? "late" : "added"]++;
    } else if (random.chance(0.9)) {
      const until = now - BigInt(random.below(200));
      windows.drop(window, until);
      done.dropped += slow.drop(until);
    } else if (windows.size(window) > 0) {
      assert.deepEqual(windows.dropFirst(window), slow.dropFirst());
      done.first++;
    }
    assert.equal(windows.size(window), slow.restarts.length);
    if (windows.size(window) > 0) assert.equal(windows.emptyAt(window), slow.sorted.at(-1)!.leavesAt);
    if (step % 10 === 0) assert.deepEqual(windows.times(window), slow.restarts.map(({ time }) => time));
  }
  for (const [what, count] of Object.entries(done)) assert.ok(count > 100, `${count} ${what}`);
});
