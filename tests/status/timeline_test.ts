// The ticks of the large timeline, and the lane of an event.
import assert from "node:assert/strict";
import { laneOf, ticksOf } from "../../src/status/page/timeline.js";

Deno.test("ticksOf() has few ticks with different labels, however long the axis is", () => {
  for (let length = 1_000; length < 40 * 86_400_000; length = Math.ceil(length * 1.01)) {
    const labels = ticksOf(length).map(({ label }) => label);
    assert.equal(new Set(labels).size, labels.length, `${length} ms: ${labels.join(", ")}`);
    assert.ok(labels.length <= 9);
  }
  assert.deepEqual(ticksOf(150_000).map(({ label }) => label), [
    "",
    "−30 s",
    "−1 min",
    "−1 min 30 s",
    "−2 min",
  ]);
});

const lanes = ["restarts", "failed", "started", "other"];

Deno.test("laneOf() distinguishes a failed task that is killed from one that is stopped", () => {
  const cases = [
    [{ type: "Killing", failed: false }, "other"],
    [{ type: "Killing", failed: true }, "failed"],
    [{ type: "Killed" }, "other"],
    [{ type: "Not Restarting", failed: true }, "failed"],
    [{ type: "Driver Failure" }, "failed"],
    [{ type: "Sibling Task Failed" }, "failed"],
    [{ type: "Started" }, "started"],
    [{ type: "Received" }, "other"],
    [{ type: "Terminated", exitCode: 0, signal: 0 }, "other"],
    [{ type: "Terminated", exitCode: 1, signal: 0 }, "failed"],
    [{ type: "Terminated", exitCode: 0, signal: 9 }, "failed"],
  ] as const;
  for (const [of, lane] of cases) {
    assert.equal(lanes[laneOf({ failed: false, exitCode: null, signal: null, ...of })], lane, of.type);
  }
});
