// The command `test-alert`: what it sends, and what it says.
import assert from "node:assert/strict";
import { testAlertAt } from "../../src/commands/test_alert.ts";
import { messageOf } from "../../src/detection/alert/message.ts";
import { run } from "../helpers/program.ts";
import { startSlack } from "../helpers/slack.ts";

Deno.test("test-alert sends an alert that says it is a test, and its end, and names the sinks that took both", async () => {
  await using slack = await startSlack();
  const env = { SINK_TYPE: "slack,stdout", SINK_SLACK_WEBHOOK_URL: slack.webhookUrl };
  const { code, stdout, stderr } = await run({ args: ["test-alert", "--output", "text"], env });
  assert.deepEqual([code, stderr], [0, ""]);
  const [alert, ...said] = stdout.trimEnd().split("\n").sort();
  assert.match(
    alert!,
    /nomad-crashloop-detector-test.*Test alert of nomad-crashloop-detector: nothing is wrong$/,
  );
  assert.deepEqual(said, [
    "ok      sink slack: confirmed the test alert and its end",
    "ok      sink stdout: confirmed the test alert",
  ]);
  assert.equal(slack.messages.length, 2);
});

Deno.test("test-alert says of a sink that fails why, without its secret, and tries the others", async () => {
  await using slack = await startSlack();
  slack.faults.push({ status: 403, body: "invalid_token" });
  const env = { SINK_TYPE: "slack,stdout", SINK_SLACK_WEBHOOK_URL: slack.webhookUrl };
  const { code, stdout } = await run({ args: ["test-alert"], env });
  assert.equal(code, 1);
  assert.match(stdout, /^failed {2}sink slack: .* answered 403: invalid_token/m);
  assert.match(stdout, /^ok {6}sink stdout: confirmed the test alert$/m);
  assert.ok(!stdout.includes(new URL(slack.webhookUrl).pathname));
});

Deno.test("test-alert needs no source, and says which settings of sinks are missing", async () => {
  const { code, stderr } = await run({ args: ["test-alert"], env: { SINK_TYPE: "pagerduty" } });
  assert.equal(code, 1);
  assert.match(stderr, /^Missing SINK_PAGERDUTY_ROUTING_KEY \(--sink-pagerduty-routing-key\): /);
});

Deno.test("testAlertAt() makes an end of the same loop, with an id of its own", () => {
  const [first, end] = [testAlertAt(1n, "first"), testAlertAt(1n, "resolved")];
  assert.equal(first.loop, end.loop);
  assert.notEqual(first.id, end.id);
  assert.equal(messageOf(first).reason, "Test alert of nomad-crashloop-detector: nothing is wrong");
  assert.equal(messageOf(end).state, "resolved");
});
