// Whose alerts wait for what the source knows of their loops, and what is said of wrong settings.
import assert from "node:assert/strict";
import { loadSinks, sources } from "../../src/commands/adapters.ts";
import { planAlerts, sinksOf } from "../../src/commands/alert_plan.ts";
import { readSettings } from "../../src/lib/settings/setting.ts";
import { contextSettings } from "../../src/sources/nomad/context/settings.ts";

const env = {
  SINK_TYPE: "stdout,slack,http,webhook",
  SINK_SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/T/B/x",
  SINK_HTTP_ADDRESS: "http://localhost/",
  SINK_WEBHOOK_URL: "http://localhost/",
  SINK_WEBHOOK_FORMAT: "template",
  SINK_WEBHOOK_TEMPLATE_FILE: "template.json",
};

/** The sinks whose alerts wait. */
async function waiting(more: Record<string, string>): Promise<string[]> {
  const problems: string[] = [];
  const adapters = await loadSinks([], env.SINK_TYPE);
  const plan = planAlerts({ flags: {}, env: { ...env, ...more }, problems }, "nomad", adapters);
  assert.deepEqual(problems, []);
  const stream = { write: () => Promise.resolve(0) };
  // deno-lint-ignore no-explicit-any -- nothing is opened
  return sinksOf(plan!, { stdout: stream, stdoutIsTerminal: false } as any)
    .filter(({ showsContexts }) => showsContexts).map(({ name }) => name);
}

Deno.test("ALERT_CONTEXT says whose alerts wait: those of sinks for people, of all whose payload has a place, of none", async () => {
  for (
    const [more, expected] of [
      [{}, ["slack", "webhook"]],
      [{ ALERT_CONTEXT: "people" }, ["slack", "webhook"]],
      [{ ALERT_CONTEXT: "all" }, ["stdout", "slack", "http", "webhook"]],
      [{ ALERT_CONTEXT: "all", PAYLOAD: "original" }, ["slack", "webhook"]],
      [{ ALERT_CONTEXT: "none" }, []],
    ] as const
  ) assert.deepEqual(await waiting(more), expected, JSON.stringify(more));
});

Deno.test("wrong settings of contexts are said exactly", async () => {
  const problems: string[] = [];
  const adapters = await loadSinks([], "stdout");
  planAlerts({ flags: {}, env: { ALERT_CONTEXT: "everyone" }, problems }, "nomad", adapters);
  for (const lines of ["201", "-1", "few"]) {
    readSettings(contextSettings, { flags: {}, env: { ALERT_LOG_LINES: lines }, problems });
  }
  assert.deepEqual(problems, [
    'ALERT_CONTEXT (--alert-context): found "everyone"; expected people, all or none, such as all',
    ...["201", "-1", "few"].map((found) =>
      `ALERT_LOG_LINES (--alert-log-lines): found "${found}"; expected a whole number from 0 to 200, such as 20`
    ),
  ]);
});

Deno.test("the source nomad reads no logs by default", () => {
  const values = readSettings(contextSettings, { flags: {}, env: {}, problems: [] });
  assert.deepEqual(values, { logLines: 0 });
  const nomad = sources.find(({ type }) => type === "nomad")!;
  assert.ok("logLines" in nomad.group.settings);
});
