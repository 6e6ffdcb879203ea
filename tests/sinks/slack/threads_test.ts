// Where the messages of loops are, and for how long that is kept.
import assert from "node:assert/strict";
import { Threads } from "../../../src/sinks/slack/threads.ts";
import { TestRecords } from "../../helpers/sink.ts";

Deno.test("Threads forgets the longest unused loops beyond its number, and those older than 30 days", () => {
  const records = new TestRecords();
  const threads = new Threads(records, 2);
  for (const loop of ["a", "b"]) threads.keep(loop, { channel: "C", ts: loop });
  threads.keep("a", { channel: "C", ts: "a" });
  threads.keep("c", { channel: "C", ts: "c" });
  assert.deepEqual([...records.map.keys()], ["a", "c"]);
  assert.deepEqual(threads.get("a"), { ...threads.get("a"), channel: "C", ts: "a" });
  assert.equal(threads.get("b"), undefined);
  records.put("old", { channel: "C", ts: "old", usedAt: Date.now() - 31 * 86_400_000 });
  const again = new Threads(records, 2);
  assert.equal(again.size, 2);
  assert.deepEqual([...records.map.keys()], ["a", "c"]);
});
