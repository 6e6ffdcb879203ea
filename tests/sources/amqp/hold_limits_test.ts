// For how long messages that came back may wait.
import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import { HoldLimits } from "../../../src/sources/amqp/hold_limits.ts";

function messages(...counts: (number | "new" | "classic")[]): ConsumeMessage[] {
  return counts.map((count) => ({
    fields: { redelivered: count !== "new" },
    properties: { headers: typeof count === "number" ? { "x-delivery-count": count } : undefined },
  } as ConsumeMessage));
}

const timedOut =
  "amqp://rabbit/ closed the channel: PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed " +
  "out. Timeout value used: 3000 ms. This timeout value can be configured, see consumers doc guide to learn more";

Deno.test("of() sets no limit until a quorum queue redelivers, and then a shorter one with each delivery", () => {
  const holdLimits = new HoldLimits("queue q");
  const where = "queue q";
  assert.equal(holdLimits.of(messages("new", "classic", 0)), undefined);
  assert.deepEqual(holdLimits.of(messages("new", 1)), { where, deliveries: 1, milliseconds: 60_000 });
  assert.deepEqual(holdLimits.of(messages(2, 1)), { where, deliveries: 2, milliseconds: 0 });
  assert.deepEqual(holdLimits.of(messages(19)), { where, deliveries: 19, milliseconds: 0 });
  assert.deepEqual(holdLimits.of(messages("new")), { where, deliveries: 0, milliseconds: 1_200_000 });
});

Deno.test("of() holds for half of a timeout that the broker named and that is short", () => {
  const holdLimits = new HoldLimits("queue q");
  for (const reason of ["closed by the broker", timedOut, timedOut.replace("3000", "1800000")]) {
    holdLimits.learn(reason);
  }
  for (const [count, milliseconds] of [[1, 1500], [2, 0], ["new", 1500]] as const) {
    assert.equal(holdLimits.of(messages(count))!.milliseconds, milliseconds);
  }
});
