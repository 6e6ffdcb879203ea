// Up to when the sources `nomad` and `amqp` have shown everything that happened.
import assert from "node:assert/strict";
import { Visibility } from "../../src/detection/visibility.ts";
import { type Consumed, QueueVisibility } from "../../src/sources/amqp/visibility.ts";
import { StreamVisibility } from "../../src/sources/nomad/stream/visibility.ts";

/** The time so many seconds after some beginning. */
const at = (seconds: number) => 1_795_491_774_000_000_000n + BigInt(seconds * 1000) * 1_000_000n;

/** Until when it is seen, in seconds after that; `blind` where it is. */
function seen(visibility: Visibility): number | "blind" {
  return visibility.isBlind ? "blind" : Number((visibility.until - at(0)) / 1_000_000n) / 1000;
}

Deno.test("a stream is visible once what followed the list is decided on, until its last sign of life", () => {
  const visibility = new Visibility("blind");
  const stream = new StreamVisibility(visibility, { heartbeat: 35_000, settle: 30_000 });
  const steps: [() => void, number | "blind"][] = [
    [() => stream.hear(at(1)), "blind"],
    [() => stream.listed(at(2)), "blind"],
    [() => stream.hear(at(31)), "blind"],
    [() => stream.hear(at(32)), 32],
    [() => stream.hear(at(62)), 62],
    // Longer than between two heartbeats: Nomad was frozen.
    [() => stream.hear(at(100)), "blind"],
    [() => stream.hear(at(129)), "blind"],
    [() => stream.hear(at(130)), 130],
    [() => stream.lose(), "blind"],
    [() => stream.hear(at(200)), "blind"],
    [() => stream.listed(at(201)), "blind"],
    [() => stream.hear(at(231)), 231],
    // The clock is set back.
    [() => stream.hear(at(20)), "blind"],
    [() => stream.hear(at(50)), 50],
  ];
  for (const [index, [step, until]] of steps.entries()) {
    step();
    assert.equal(seen(visibility), until, `step ${index}`);
  }
  assert.equal(visibility.missed(at(0)), (32n + 68n + 101n) * 1_000_000_000n);
  assert.equal(visibility.lost(at(0)), 0n);
});

const tables: Readonly<
  Record<
    string,
    readonly (readonly [second: number, Partial<Consumed>, until: number | "blind", age?: number])[]
  >
> = {
  "an empty queue": [[0, {}, "blind"], [1, {}, "blind"], [2, {}, "blind"], [3, {}, 3], [4, { bytes: 9 }, 3], [
    5,
    { bytes: 9 },
    3,
  ], [6, { bytes: 10 }, 5]],
  "a backlog, and its end": [
    [0, { messages: 1 }, "blind", 500],
    [1, { messages: 99 }, "blind", 400],
    [2, { messages: 200 }, "blind", 300],
    [60, { bytes: 2, messages: 9_000 }, "blind", 200],
    [61, { bytes: 3, messages: 9_100 }, "blind", 10],
    [62, { bytes: 4, messages: 9_200 }, "blind", 1],
    [63, { bytes: 5, messages: 9_300 }, 63, 1],
    [64, { bytes: 6, messages: 9_400 }, 63, 1],
    [65, { bytes: 7, messages: 9_500 }, 64, 1],
  ],
  "old events and nothing more": [
    [0, { messages: 1 }, "blind", 500],
    [1, { messages: 1 }, "blind"],
    [2, { messages: 1 }, "blind"],
    [3, { messages: 1 }, 3],
  ],
  "too much that is not acknowledged": [
    [0, {}, "blind"],
    [3, { bytes: 1 }, "blind"],
    [5, { bytes: 2 }, 5],
    [6, { bytes: 3, isFull: true }, "blind"],
    [9, { bytes: 4, isFull: true }, "blind"],
    [10, { bytes: 5 }, "blind"],
    [12, { bytes: 6 }, 12],
  ],
  "a broker that was frozen": [
    [0, {}, "blind"],
    [3, { bytes: 1 }, "blind"],
    [5, { bytes: 2 }, 5],
    [15, { bytes: 2 }, 5],
    [16, { bytes: 3 }, "blind"],
    [18, { bytes: 4 }, 18],
  ],
};

for (const [what, looks] of Object.entries(tables)) {
  Deno.test(`a queue is visible once it is read to its end, until its last sign of life: ${what}`, () => {
    const visibility = new Visibility("blind");
    const queue = new QueueVisibility(visibility, 10);
    for (const [second, consumed, until, age] of looks) {
      if (age !== undefined && visibility.isBlind) visibility.noteEvent(at(second - age));
      queue.observe(at(second), { bytes: 0, messages: 0, isFull: false, ...consumed });
      assert.equal(seen(visibility), until, `second ${second}`);
    }
  });
}

Deno.test("a queue of a broker without heartbeats is visible while it is connected", () => {
  const visibility = new Visibility("blind");
  const queue = new QueueVisibility(visibility, 0);
  for (const second of [0, 1, 3, 90]) queue.observe(at(second), { bytes: 0, messages: 0, isFull: false });
  queue.observe(at(91), { bytes: 0, messages: 0, isFull: false });
  assert.equal(seen(visibility), 90);
});
