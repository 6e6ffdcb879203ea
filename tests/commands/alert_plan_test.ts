// Which sinks get an alert whose job wants only some.
import assert from "node:assert/strict";
import { loadSinks } from "../../src/commands/adapters.ts";
import { planAlerts, sinksOf } from "../../src/commands/alert_plan.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { testLog } from "../helpers/log.ts";

/** The sinks that get an alert whose job wants these, and what is logged. */
async function receivers(...wanted: (readonly string[] | undefined)[]): Promise<[string[][], string[]]> {
  const types = "stdout,webhook:audit,webhook:ops,amqp";
  const env = {
    SINK_TYPE: types,
    SINK_WEBHOOK_AUDIT_URL: "http://audit",
    SINK_WEBHOOK_OPS_URL: "http://ops",
    SINK_AMQP_CONNECTION: "amqp://rabbit/",
    SINK_AMQP_EXCHANGE: "nomad",
    SINK_AMQP_ROUTING_KEY: "crash-loop",
  };
  const input = { env, flags: {}, problems: [] };
  const plan = planAlerts(input, "nomad", await loadSinks([], types));
  assert.ok(plan !== undefined, String(input.problems));
  const { log, lines } = testLog();
  const context = { stdout: Deno.stdout, stdoutIsTerminal: false };
  const sinks = sinksOf(plan, context as unknown as Parameters<typeof sinksOf>[1], () => true, log);
  const found = wanted.map((words) => {
    const alert = { ...alertAbout(), ...(words === undefined ? {} : { sinks: words }) };
    return sinks.filter(({ accepts }) => accepts(alert)).map(({ name }) => name);
  });
  return [found, lines];
}

Deno.test("accepts() takes an alert for the sinks that its job wants, by name, type or another word for it", async () => {
  const all = ["stdout", "webhook:audit", "webhook:ops", "amqp"];
  assert.deepEqual(
    await receivers(undefined, ["webhook"], ["webhook:ops"], ["rabbitmq", "stdout"]),
    [[all, ["webhook:audit", "webhook:ops"], ["webhook:ops"], ["stdout", "amqp"]], []],
  );
});

Deno.test("accepts() warns once of a word for no sink in use, and takes the alert for all if none is left", async () => {
  const all = ["stdout", "webhook:audit", "webhook:ops", "amqp"];
  const name = alertAbout().name;
  const start = `warning ${name}: crashloop_sinks in the meta of its job: found`;
  const end =
    "which is no sink in use; expected some of stdout, webhook:audit, webhook:ops, amqp; its alerts go to";
  assert.deepEqual(
    await receivers(["pager", "amqp"], ["pager", "amqp"], ["slack"], ["webhook:x"]),
    [[["amqp"], ["amqp"], all, all], [
      `${start} "pager", ${end} amqp`,
      `${start} "slack", ${end} all of them`,
      `${start} "webhook:x", ${end} all of them`,
    ]],
  );
});
