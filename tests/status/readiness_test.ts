// When the program says that it is ready, and why it is not.
import assert from "node:assert/strict";
import { Standing } from "../../src/lib/health.ts";
import { problems } from "../../src/status/readiness.ts";
import { facts, lane } from "../helpers/status.ts";

/** One that failed so many seconds ago. */
function failed(secondsAgo: number, problem: string): Standing {
  const standing = new Standing();
  standing.works();
  standing.fails(problem);
  standing.since -= BigInt(secondsAgo * 1000) * 1_000_000n;
  return standing;
}

function working(): Standing {
  const standing = new Standing();
  standing.works();
  return standing;
}

Deno.test("problems() has a line for a source that is not connected, at once", () => {
  const source = { type: "amqp", standing: failed(0, "amqp://guest:***@rabbit/ cannot be reached") };
  const sinks = [lane({ standing: working() })];
  assert.deepEqual(problems(facts({ source, sinks })), [
    "source amqp: down for 0s: amqp://guest:***@rabbit/ cannot be reached",
  ]);
  assert.deepEqual(problems(facts({ source: { type: "amqp", standing: new Standing() }, sinks })), [
    "source amqp: down for 0s: not connected yet",
  ]);
  assert.deepEqual(problems(facts({ source: { type: "amqp", standing: working() }, sinks })), []);
});

Deno.test("problems() has a line for sinks and for the state that failed for longer than a minute", () => {
  const source = { type: "amqp", standing: working() };
  const sinks = [
    lane({ standing: failed(59, "gone") }),
    lane({ type: "kinesis", standing: failed(61, "throttled") }),
  ];
  const from = facts({ source, sinks });
  assert.deepEqual(problems(from), ["sink kinesis: down for 1m1s: throttled"]);
  from.state.commits.standing.fails("disk is full");
  assert.equal(problems(from).length, 1);
  from.state.commits.standing.since -= 3_600_000_000_000n;
  assert.deepEqual(problems(from)[1], "state: down for 1h0s: disk is full".replace("1h0s", "1h"));
});

Deno.test("a standing tells since when it works or not, why not, and how often it came back", () => {
  const standing = new Standing();
  const begun = standing.since;
  standing.fails("refused");
  assert.deepEqual([standing.up, standing.problem, standing.reconnects, standing.since], [
    false,
    "refused",
    0,
    begun,
  ]);
  standing.works();
  assert.deepEqual([standing.up, standing.problem, standing.reconnects], [true, undefined, 0]);
  assert.ok(standing.heardAt !== undefined);
  standing.blocked("low on memory");
  assert.deepEqual([standing.up, standing.problem], [true, "low on memory"]);
  standing.blocked(undefined);
  standing.fails("gone");
  standing.fails("still gone");
  assert.deepEqual([standing.up, standing.problem], [false, "still gone"]);
  standing.works();
  assert.equal(standing.reconnects, 1);
});
