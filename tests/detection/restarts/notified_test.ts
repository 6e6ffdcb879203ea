// What was told about names: kept by row, changed by restarts and repeats, gone when it counts no longer.
import assert from "node:assert/strict";
import { NotifiedTable } from "../../../src/detection/restarts/notified.ts";

const first = { toldAt: 1_499_867_775_401_013_209n, id: "0123456789abcdef".repeat(2), repeats: 0 };

Deno.test("get() yields what was told, with the newest update and the newest telling", () => {
  const told = new NotifiedTable();
  assert.equal(told.has(5_000), false);
  told.add(5_000, { ...first, lastEvent: '{"a":"é"}' });
  told.add(4_999, { ...first, toldAt: -1n, repeats: 7, lastEvent: "" });
  assert.equal(told.size, 2);
  assert.deepEqual(told.get(5_000), { ...first, lastEvent: '{"a":"é"}' });
  const update = "x".repeat(5_000);
  assert.deepEqual(told.happened(5_000, update), { ...first, lastEvent: update });
  told.repeat(5_000, { ...first, toldAt: 9n, repeats: 1, lastEvent: update });
  assert.deepEqual(told.get(5_000), { ...first, toldAt: 9n, repeats: 1, lastEvent: update });
  assert.deepEqual(told.get(4_999), { ...first, toldAt: -1n, repeats: 7, lastEvent: "" });
});

Deno.test("delete() forgets one row, which can be told anew", () => {
  const told = new NotifiedTable();
  for (const row of [0, 1]) told.add(row, { ...first, lastEvent: `update ${row}` });
  told.delete(0);
  assert.deepEqual([told.size, told.has(0), told.has(1)], [1, false, true]);
  told.add(0, { ...first, repeats: 2, lastEvent: "anew" });
  assert.deepEqual(told.get(0), { ...first, repeats: 2, lastEvent: "anew" });
  assert.deepEqual(told.get(1), { ...first, lastEvent: "update 1" });
});
