// Histories in bins that grow wider, and their drawing.
import assert from "node:assert/strict";
import { sparkline, Timeline, TimeScale } from "../../../src/commands/replay/timeline.ts";

const second = 1_000_000_000n;
const start = 1_795_491_775n * second;

/** A timeline of events at these seconds, as they come, in a recording that begins with the first. */
function timelineOf(seconds: readonly number[]): { timeline: Timeline; scale: TimeScale } {
  const scale = new TimeScale();
  const timeline = new Timeline(scale);
  for (const at of seconds) {
    const time = start + BigInt(Math.round(at * 1000)) * 1_000_000n;
    scale.extend(time);
    timeline.add(time);
  }
  return { timeline, scale };
}

Deno.test("sparkline() draws the most as a whole block, the least as one line, and nothing as a space", () => {
  const cases = [
    [[], ""],
    [[0, 0], "  "],
    [[1, 0, 8], "▁ █"],
    [[1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"],
    [[5], "█"],
    [[1, 1000], "▁█"],
  ] as const;
  for (const [counts, line] of cases) assert.equal(sparkline(counts), line);
});

Deno.test("columns() count what was in each part of the recording", () => {
  const { timeline } = timelineOf([0, 1, 9, 10, 19, 19.5]);
  assert.deepEqual(timeline.columns(2), [3, 3]);
  assert.deepEqual(timeline.columns(1), [6]);
});

Deno.test("columns() of a recording of one moment, or of nothing, are there", () => {
  assert.deepEqual(timelineOf([0, 0]).timeline.columns(3), [2, 0, 0]);
  assert.deepEqual(new Timeline(new TimeScale()).columns(3), [0, 0, 0]);
});

Deno.test("columns() lose nothing however long the recording grows, in bounded room", () => {
  const count = 20_000;
  const { timeline, scale } = timelineOf(Array.from({ length: count }, (_, index) => index * 60));
  const columns = timeline.columns(10);
  assert.equal(columns.reduce((a, b) => a + b), count);
  for (const column of columns) assert.ok(Math.abs(column - count / 10) <= count / 100, String(columns));
  assert.ok((scale.last! - scale.first!) / scale.width < 1024n);
});

Deno.test("a timeline that rests while the recording grows is drawn to its scale", () => {
  const scale = new TimeScale();
  const rests = new Timeline(scale);
  scale.extend(start);
  rests.add(start, 3);
  for (let hour = 1n; hour <= 48n; hour++) scale.extend(start + hour * 3600n * second);
  rests.add(start + 48n * 3600n * second);
  assert.deepEqual(rests.columns(4), [3, 0, 0, 1]);
});

Deno.test("add() takes what is out of order, and what is outside the recording for its ends", () => {
  const scale = new TimeScale();
  const timeline = new Timeline(scale);
  scale.extend(start);
  scale.extend(start + 100n * second);
  for (const at of [90n, 10n, 50n, 10n, -500n, 500n]) timeline.add(start + at * second);
  assert.deepEqual(timeline.columns(3), [3, 1, 2]);
});
