// Who reads which sink: people, who get groups, or programs, which get each loop.
import assert from "node:assert/strict";
import { loadSinks } from "../../src/commands/adapters.ts";
import type { PreparedSink } from "../../src/sinks/adapter.ts";

const prepared = async (env: Record<string, string>): Promise<PreparedSink> => {
  const problems: string[] = [];
  const [sink] = await loadSinks([], env.SINK_TYPE);
  const made = sink!.prepare({ env, flags: {}, problems });
  assert.deepEqual(problems, []);
  return made!;
};
const url = "http://localhost:1/";
const readers: readonly (readonly [env: Record<string, string>, audience: string, updates: boolean])[] = [
  [{ SINK_TYPE: "stdout" }, "programs", false],
  [{ SINK_TYPE: "slack", SINK_SLACK_TOKEN: "x", SINK_SLACK_CHANNEL: "C0" }, "people", true],
  [{ SINK_TYPE: "slack", SINK_SLACK_WEBHOOK_URL: url }, "people", false],
  [
    { SINK_TYPE: "pagerduty", SINK_PAGERDUTY_ROUTING_KEY: "0123456789abcdef0123456789abcdef" },
    "people",
    true,
  ],
  [{ SINK_TYPE: "teams", SINK_TEAMS_WEBHOOK_URL: url }, "people", false],
  [{ SINK_TYPE: "webhook", SINK_WEBHOOK_URL: url }, "programs", false],
];

for (const [env, audience, updates] of readers) {
  const [, more = ""] = Object.keys(env);
  Deno.test(`the sink ${env.SINK_TYPE} ${more} is for ${audience}; what people read gets ends`, async () => {
    const sink = await prepared(env);
    assert.deepEqual([sink.audience, sink.updates], [audience, updates]);
    if (audience === "people") assert.ok(sink.needsEnds);
  });
}
