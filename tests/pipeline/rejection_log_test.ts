// Rejected messages: few are logged, and the number of the others is exact.
import assert from "node:assert/strict";
import { RejectionLog } from "../../src/pipeline/rejection_log.ts";
import type { Batch } from "../../src/sources/source.ts";
import { testLog } from "../helpers/log.ts";
import { batchOf } from "../helpers/source.ts";
import { haltTimers } from "../helpers/timers.ts";

function add(rejections: RejectionLog, batch: Batch, index: number, reason: string): void {
  rejections.add(batch, index, batch.bodies[index] as Uint8Array, reason);
}

/** Sets aside so many messages of one batch. */
function addMany(rejections: RejectionLog, count: number): void {
  const batch = batchOf(Array.from({ length: count }, (_, index) => `bad ${index}`));
  for (let index = 0; index < count; index++) add(rejections, batch, index, "not JSON");
  assert.equal(batch.rejected.length, count);
}

Deno.test("add() rejects the message, and logs its place, the reason and its beginning", () => {
  using _timers = haltTimers();
  const { log, lines } = testLog();
  const rejections = new RejectionLog(log);
  const batch = batchOf(["good", "\u001b[31m{bad}\r\n\u202e", "x".repeat(300), ""]);
  for (const index of [1, 2, 3]) add(rejections, batch, index, "not JSON");
  assert.deepEqual(batch.rejected, [1, 2, 3]);
  assert.deepEqual(lines, [
    "warning Rejected message 1: not JSON: \\u001b[31m{bad}\\u000d\\u000a\\u202e",
    `warning Rejected message 2: not JSON: ${"x".repeat(200)}`,
    "warning Rejected message 3: not JSON:",
  ]);
  rejections.stop();
});

Deno.test("the beginning is 200 characters, of whatever bytes they are", () => {
  using _timers = haltTimers();
  const { log, lines } = testLog();
  const rejections = new RejectionLog(log);
  const texts = ["€".repeat(300), "é".repeat(200), "a😀".repeat(150)];
  const invalid = { ...batchOf(texts), bodies: [new Uint8Array([0xff, 0xfe, 0x41])] };
  for (const index of texts.keys()) add(rejections, batchOf(texts), index, "r");
  add(rejections, invalid, 0, "r");
  const shown = lines.map((line) => line.slice("warning Rejected message 0: r: ".length));
  assert.deepEqual(shown.slice(0, 2), ["€".repeat(200), "é".repeat(200)]);
  assert.ok(shown[2]!.startsWith("a😀".repeat(66)) && shown[2]!.length <= 200);
  assert.equal(shown[3], "\ufffd\ufffdA");
  rejections.stop();
});

Deno.test("ten are logged in ten seconds; then how many more there were; then ten again", async () => {
  using timers = haltTimers();
  const { log, lines } = testLog();
  const rejections = new RejectionLog(log);
  addMany(rejections, 6);
  await timers.pass(9_000);
  addMany(rejections, 100_004);
  assert.equal(lines.length, 10);
  await timers.pass(999);
  assert.equal(lines.length, 10);
  await timers.pass(1);
  assert.deepEqual(lines.slice(10), ["warning Rejected 100000 more messages"]);
  await timers.pass(60_000);
  assert.equal(lines.length, 11, "nothing is said of nothing");
  addMany(rejections, 11);
  assert.equal(lines.length, 21);
  await timers.pass(10_000);
  assert.deepEqual(lines.slice(21), ["warning Rejected 1 more messages"]);
});

Deno.test("ten in ten seconds are all logged, and nothing is said of others", async () => {
  using timers = haltTimers();
  const { log, lines } = testLog();
  addMany(new RejectionLog(log), 10);
  await timers.pass(20_000);
  assert.equal(lines.length, 10);
});

Deno.test("stop() says at once how many more there were, once", async () => {
  using timers = haltTimers();
  const { log, lines } = testLog();
  const rejections = new RejectionLog(log);
  addMany(rejections, 17);
  rejections.stop();
  assert.deepEqual(lines.slice(10), ["warning Rejected 7 more messages"]);
  rejections.stop();
  await timers.pass(20_000);
  assert.equal(lines.length, 11);
});

Deno.test("lines logged and messages counted are all that came, over a flood of a minute", async () => {
  using timers = haltTimers();
  const { log, lines } = testLog();
  const rejections = new RejectionLog(log);
  let came = 0;
  for (let second = 0; second < 60; second++) {
    addMany(rejections, 137 * second % 1_009);
    came += 137 * second % 1_009;
    await timers.pass(1_000);
  }
  rejections.stop();
  const more = lines.flatMap((line) => /Rejected (\d+) more/.exec(line)?.[1] ?? []).map(Number);
  const logged = lines.filter((line) => line.includes("Rejected message")).length;
  assert.equal(logged + more.reduce((a, b) => a + b), came);
  assert.ok(lines.length <= 7 * 11, `${lines.length} lines`);
});
