// The active loops by row: changed by restarts and repeats, deleted when resolved.
import assert from "node:assert/strict";
import { NotifiedTable } from "../../../src/detection/restarts/notified.ts";

const first = { notifiedAt: 1_499_867_775_401_013_209n, id: "0123456789abcdef".repeat(2), repeats: 0 };

Deno.test("get() returns the notification with the newest update and the last repeat", () => {
  const notified = new NotifiedTable();
  assert.equal(notified.has(5_000), false);
  notified.add(5_000, { ...first, lastEvent: '{"a":"é"}' });
  notified.add(4_999, { ...first, notifiedAt: -1n, repeats: 7, lastEvent: "" });
  assert.equal(notified.size, 2);
  assert.deepEqual(notified.get(5_000), { ...first, lastEvent: '{"a":"é"}' });
  const update = "x".repeat(5_000);
  assert.deepEqual(notified.setLastEvent(5_000, update), { ...first, lastEvent: update });
  notified.repeat(5_000, { ...first, notifiedAt: 9n, repeats: 1, lastEvent: update });
  assert.deepEqual(notified.get(5_000), { ...first, notifiedAt: 9n, repeats: 1, lastEvent: update });
  assert.deepEqual(notified.get(4_999), { ...first, notifiedAt: -1n, repeats: 7, lastEvent: "" });
});

Deno.test("delete() forgets one row, which can be added again", () => {
  const notified = new NotifiedTable();
  for (const row of [0, 1]) notified.add(row, { ...first, lastEvent: `update ${row}` });
  notified.delete(0);
  assert.deepEqual([notified.size, notified.has(0), notified.has(1)], [1, false, true]);
  notified.add(0, { ...first, repeats: 2, lastEvent: "again" });
  assert.deepEqual(notified.get(0), { ...first, repeats: 2, lastEvent: "again" });
  assert.deepEqual(notified.get(1), { ...first, lastEvent: "update 1" });
});
