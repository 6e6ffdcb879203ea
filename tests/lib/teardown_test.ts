// Closing: the order, and what a part that fails or hangs does to the others.
import assert from "node:assert/strict";
import { Teardown } from "../../src/lib/teardown.ts";
import { testLog } from "../helpers/log.ts";

Deno.test("close() closes the newest part first, and each once", async () => {
  const { log, lines } = testLog();
  const closed: string[] = [];
  const teardown = new Teardown(log);
  const early = new Teardown(log);
  early.use("source", { [Symbol.asyncDispose]: () => Promise.resolve(void closed.push("source")) });
  teardown.use("state", { [Symbol.dispose]: () => void closed.push("state") });
  early.moveTo(teardown);
  assert.equal(await early.close(), true);
  assert.equal(await teardown.close(), true);
  assert.equal(await teardown.close(), true);
  assert.deepEqual(closed, ["source", "state"]);
  assert.deepEqual(lines, []);
});

Deno.test("close() logs by its name a part that fails or hangs, and closes the others", async () => {
  const { log, lines } = testLog();
  const closed: string[] = [];
  {
    await using teardown = new Teardown(log, 10);
    teardown.use("state", { [Symbol.dispose]: () => void closed.push("state") });
    teardown.use("sinks", { [Symbol.asyncDispose]: () => new Promise(() => {}) });
    teardown.use("source amqp", {
      [Symbol.asyncDispose]() {
        throw new Error("no channel");
      },
    });
    assert.equal(await teardown.close(), false);
    assert.equal(await teardown.close(), false);
  }
  assert.deepEqual(closed, ["state"]);
  assert.deepEqual(lines, [
    "error Cannot close source amqp: no channel",
    "error Cannot close sinks: it takes too long",
  ]);
});
