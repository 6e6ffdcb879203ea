// How Slack shows a message, within its limits.
import assert from "node:assert/strict";
import { type Message, messageOf } from "../../../src/detection/alert/message.ts";
import { layoutOf, replyOf } from "../../../src/sinks/slack/layout.ts";
import { loopAlert, surroundings } from "../../helpers/loop.ts";
import { slackGiven } from "../../helpers/slack_sinks.ts";

/** A message whose every text is as long and as much to escape as can be. */
function hugeMessage(character: string): Message {
  const text = character.repeat(100_000);
  const url = `https://nomad.example.com/${"a".repeat(2500)}`;
  return {
    state: "active",
    severity: "warning",
    title: text,
    reason: text,
    facts: Array.from({ length: 12 }, (_, index) => ({ label: `Label ${index}`, value: text })),
    links: Array.from({ length: 3 }, () => ({ text, url })),
  };
}

Deno.test("a message keeps to Slack's limits, whatever its texts are", async () => {
  for (const character of ["x", "&", "\u00e9", "\u{1f600}"]) {
    await using slack = await slackGiven();
    const message = hugeMessage(character);
    await slack.open({ context: { message: () => message } }).send(loopAlert("first"));
    const bytes = (layout: unknown) => new TextEncoder().encode(JSON.stringify(layout)).length;
    assert.ok(bytes(layoutOf(message)) <= 13_000 && bytes(replyOf(message)) <= 13_000);
    assert.equal(slack.server.messages.length, 1);
  }
});

Deno.test("a title that the header cuts stands below it in full", () => {
  const title = `${"x".repeat(150)} is crash-looping`;
  const { blocks } = layoutOf({ ...messageOf(loopAlert("first"), surroundings), title });
  // deno-lint-ignore no-explicit-any -- blocks are JSON
  const texts = blocks.map((block: any) => block.text.text);
  assert.deepEqual(texts.slice(0, 2), [`🟠 ${"x".repeat(146)}…`, title]);
});

Deno.test("names that mean something in Slack stand there as they are", () => {
  const { text, blocks, attachments } = layoutOf({
    state: "active",
    severity: "warning",
    title: "<!channel> & :fire:",
    reason: "<https://example.com|here>",
    facts: [{ label: "Job", value: "<@U1> & co" }],
    links: [],
  });
  assert.equal(text, "🟠 &lt;!channel&gt; &amp; :fire:: &lt;https://example.com|here&gt;");
  assert.deepEqual([blocks, attachments], [
    [
      { type: "header", text: { type: "plain_text", text: "🟠 <!channel> & :fire:", emoji: false } },
      { type: "section", text: { type: "plain_text", text: "<https://example.com|here>", emoji: false } },
    ],
    [{
      color: "#ecb22e",
      blocks: [{
        type: "section",
        fields: [{ type: "mrkdwn", text: "*Job*\n&lt;@U1&gt; &amp; co", verbatim: true }],
      }],
    }],
  ]);
});
