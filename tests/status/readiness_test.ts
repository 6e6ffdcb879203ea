// When the program says that it is ready, and why it is not.
import assert from "node:assert/strict";
import { Health } from "../../src/lib/health.ts";
import { problems } from "../../src/status/readiness.ts";
import { lane, runtimeInfo } from "../helpers/status.ts";

/** One that failed so many seconds ago. */
function failed(secondsAgo: number, problem: string): Health {
  const health = new Health();
  health.up();
  health.down(problem);
  health.since -= BigInt(secondsAgo * 1000) * 1_000_000n;
  return health;
}

function working(): Health {
  const health = new Health();
  health.up();
  return health;
}

Deno.test("problems() names a source that is down, at once", () => {
  const source = { type: "amqp", health: failed(0, "amqp://guest:***@rabbit/ cannot be reached") };
  const sinks = [lane({ health: working() })];
  assert.deepEqual(problems(runtimeInfo({ source, sinks })), [
    "source amqp: down for 0s: amqp://guest:***@rabbit/ cannot be reached",
  ]);
  assert.deepEqual(problems(runtimeInfo({ source: { type: "amqp", health: new Health() }, sinks })), [
    "source amqp: down for 0s: not connected yet",
  ]);
  assert.deepEqual(problems(runtimeInfo({ source: { type: "amqp", health: working() }, sinks })), []);
});

Deno.test("problems() names sinks and the state after a minute down", () => {
  const source = { type: "amqp", health: working() };
  const sinks = [
    lane({ health: failed(59, "gone") }),
    lane({ name: "kinesis", health: failed(61, "throttled") }),
  ];
  const from = runtimeInfo({ source, sinks });
  assert.deepEqual(problems(from), ["sink kinesis: down for 1m1s: throttled"]);
  from.state.commits.health.down("disk is full");
  assert.equal(problems(from).length, 1);
  from.state.commits.health.since -= 3_600_000_000_000n;
  assert.deepEqual(problems(from)[1], "state: down for 1h0s: disk is full".replace("1h0s", "1h"));
});

Deno.test("Health knows since when it is up or down, why, and its reconnects", () => {
  const health = new Health();
  const begun = health.since;
  health.down("rejected");
  assert.deepEqual([health.isUp, health.problem, health.reconnects, health.since], [
    false,
    "rejected",
    0,
    begun,
  ]);
  health.up();
  assert.deepEqual([health.isUp, health.problem, health.reconnects], [true, undefined, 0]);
  assert.ok(health.lastSeenAt !== undefined);
  health.blocked("low on memory");
  assert.deepEqual([health.isUp, health.problem], [true, "low on memory"]);
  health.blocked(undefined);
  health.down("gone");
  health.down("still gone");
  assert.deepEqual([health.isUp, health.problem], [false, "still gone"]);
  health.up();
  assert.equal(health.reconnects, 1);
});
