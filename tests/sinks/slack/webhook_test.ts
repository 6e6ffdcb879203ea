// Slack by an incoming webhook: a message for each alert.
import assert from "node:assert/strict";
import { faultOf } from "../../helpers/fault.ts";
import { loopAlert } from "../../helpers/loop.ts";
import { slackGiven } from "../../helpers/slack_sinks.ts";

Deno.test("the webhook gets a message for each alert, and only its answer ok confirms", async () => {
  await using slack = await slackGiven("webhook");
  const sink = slack.open();
  await sink.connect();
  for (const reason of ["first", "repeat", "resolved"] as const) await sink.send(loopAlert(reason));
  assert.deepEqual(slack.server.messages.map(({ attachments }) => attachments[0].color), [
    "#ecb22e",
    "#ecb22e",
    "#2eb67d",
  ]);
  assert.equal(slack.records.map.size, 0);
  const origin = new URL(slack.server.webhookUrl).origin;
  assert.equal(
    await sink.check(),
    `webhook at ${origin}: only a message can try it, which nomad-crashloop-detector test-alert sends`,
  );
});

Deno.test("the webhook says what Slack refused without its address", async () => {
  await using slack = await slackGiven("webhook");
  const sink = slack.open();
  const { server } = slack;
  const exists = "; set SINK_SLACK_WEBHOOK_URL to an existing webhook whose channel accepts messages";
  const answers = [
    [{ status: 404, body: "no_service" }, `answered 404: no_service${exists}`, "operator"],
    [{ status: 403, body: "action_prohibited" }, `answered 403: action_prohibited${exists}`, "operator"],
    [{ status: 410, body: "channel_is_archived" }, `answered 410: channel_is_archived${exists}`, "operator"],
    [{ status: 400, body: "no_text" }, "answered 400: no_text", "rejected"],
    [{ status: 500, body: "rollup_error" }, "answered 500: rollup_error", "transient"],
    [
      { status: 404, body: `Cannot POST ${server.webhookPath}` },
      `answered 404: Cannot POST ***${exists}`,
      "operator",
    ],
    [
      { status: 200, body: "<html>hello" },
      'answered 200, but not "ok" as Slack does: <html>hello; check SINK_SLACK_WEBHOOK_URL and any proxies',
      "operator",
    ],
    ["cut", ": connection lost", "transient"],
  ] as const;
  for (const [answer, message, recovery] of answers) {
    server.faults.push(answer);
    assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
      message: `webhook at ${new URL(server.webhookUrl).origin}${
        message.startsWith(":") ? "" : " "
      }${message}`,
      recovery,
      retryAfter: 0,
    });
  }
  assert.equal(server.messages.length, 0);
});

Deno.test("the webhook posts the text alone where Slack refuses the layout", async () => {
  await using slack = await slackGiven("webhook");
  slack.server.faults.push({ status: 400, body: "invalid_blocks" });
  await slack.open().send(loopAlert("first"));
  const [{ text, blocks, attachments }] = slack.server.messages as [typeof slack.server.messages[0]];
  assert.match(text, /^🟠 .*web\.app\[0\] is crash-looping/);
  assert.deepEqual([blocks, attachments], [[], []]);
});
