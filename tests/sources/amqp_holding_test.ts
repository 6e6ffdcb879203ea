// For how long messages that came back may wait.
import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import { Holding } from "../../src/sources/amqp_holding.ts";

function messages(...counts: (number | "new" | "classic")[]): ConsumeMessage[] {
  return counts.map((count) => ({
    fields: { redelivered: count !== "new" },
    properties: { headers: typeof count === "number" ? { "x-delivery-count": count } : undefined },
  } as ConsumeMessage));
}

const timedOut =
  "amqp://rabbit/ closed the channel: PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed " +
  "out. Timeout value used: 3000 ms. This timeout value can be configured, see consumers doc guide to learn more";

Deno.test("of() counts only what a quorum queue gives out again: for a minute the first time, then not at all", () => {
  const holding = new Holding("queue q");
  const where = "queue q";
  assert.equal(holding.of(messages("new", "classic", 0)), undefined);
  assert.deepEqual(holding.of(messages("new", 1)), { where, deliveries: 1, milliseconds: 60_000 });
  assert.deepEqual(holding.of(messages(2, 1)), { where, deliveries: 2, milliseconds: 0 });
});

Deno.test("of() holds for half of a timeout that the broker named and that is short", () => {
  const holding = new Holding("queue q");
  for (const reason of ["closed by the broker", timedOut, timedOut.replace("3000", "1800000")]) {
    holding.learn(reason);
  }
  assert.equal(holding.of(messages(1))!.milliseconds, 1500);
});
