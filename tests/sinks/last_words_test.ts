// The last words of a task in what sinks for people send: preformatted, within their limits, the newest lines kept.
import assert from "node:assert/strict";
import type { Message } from "../../src/detection/alert/message.ts";
import { withContext } from "../../src/detection/alert/context.ts";
import { cutFront } from "../../src/lib/cut.ts";
import { letterOf } from "../../src/sinks/email/letter.ts";
import { layoutOf } from "../../src/sinks/slack/layout.ts";
import { cardOf } from "../../src/sinks/teams.ts";
import { templateData } from "../../src/sinks/webhook/template_data.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { sinkContext } from "../helpers/sink.ts";
import { startSlack } from "../helpers/slack.ts";

const message: Message = {
  state: "active",
  severity: "warning",
  title: "web.app[0] is crash-looping",
  reason: "Exited with 1",
  facts: [],
  links: [],
};
const said = (...lines: string[]): Message => ({
  ...message,
  lastWords: { title: "Last lines of stderr", lines },
});
const few = said("panic: <nil> & *bold*", "", "  [link](http://evil)");
/** As long as they can be. */
const many = said(...Array.from({ length: 200 }, (_, index) => `${index} ${"<&>é😀".repeat(3)}`));
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

Deno.test("Slack gets the last words as preformatted text, beside no bar, and none where there are none", () => {
  const { blocks, attachments } = layoutOf(few);
  assert.deepEqual(blocks.slice(-2), [
    { type: "section", text: { type: "plain_text", text: "Last lines of stderr", emoji: false } },
    {
      type: "rich_text",
      elements: [{
        type: "rich_text_preformatted",
        elements: [{ type: "text", text: "panic: <nil> & *bold*\n\n  [link](http://evil)" }],
      }],
    },
  ]);
  assert.deepEqual(attachments, layoutOf(message).attachments);
  assert.equal(layoutOf(message).blocks.length, blocks.length - 2);
  const long = layoutOf(many);
  assert.ok(bytes(long) <= 12_800);
  assert.match(JSON.stringify(long.blocks), /\\n199 [^"]*"/, "the newest is there");
  assert.doesNotMatch(JSON.stringify(long.blocks), /"0 |\\n0 /);
});

Deno.test("Slack takes the last words", async () => {
  await using slack = await startSlack();
  const body = JSON.stringify(layoutOf(few));
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(slack.webhookUrl, { method: "POST", headers, body });
  assert.deepEqual([response.status, await response.text()], [200, "ok"]);
});

Deno.test("Teams gets the last words in a monospaced block, in which nothing becomes a link", () => {
  // deno-lint-ignore no-explicit-any -- a card
  const bodyOf = (message: Message): any[] => (cardOf(message) as any).attachments[0].content.body;
  assert.deepEqual(bodyOf(few).slice(-2), [
    { type: "TextBlock", text: "Last lines of stderr", wrap: true, weight: "bolder" },
    {
      type: "TextBlock",
      text: "panic: <nil> & *bold*\n\n\n\n  [link] (http://evil)",
      wrap: true,
      fontType: "monospace",
      size: "small",
    },
  ]);
  assert.equal(bodyOf(message).length, bodyOf(few).length - 2);
  assert.ok(bytes(cardOf(many)) <= 27_000);
  assert.match(bodyOf(many).at(-1).text, /\n\n199 /);
});

Deno.test("letters have the last words as text and as preformatted HTML", () => {
  const { text, html } = letterOf(few);
  assert.match(
    text,
    /\n\nLast lines of stderr:\n {2}panic: <nil> & \*bold\*\n {2}\n {4}\[link\]\(http:\/\/evil\)\n/,
  );
  assert.match(
    html,
    /<pre class="log"[^>]*>panic: &lt;nil&gt; &amp; \*bold\*\n\n {2}\[link\]\(http:\/\/evil\)<\/pre>/,
  );
  assert.doesNotMatch(letterOf(message).html, /<pre/);
  assert.doesNotMatch(letterOf(message).text, /Last lines/);
});

Deno.test("templates know the last words, and their text ends with them", () => {
  const alert = withContext(alertAbout("a"), { LastWords: { Stdout: ["one", "two"] } });
  const data = templateData(alert, sinkContext());
  assert.deepEqual(data.lastWords, { title: "Last lines of stdout", lines: ["one", "two"] });
  assert.match(data.text as string, /\nLast lines of stdout:\none\ntwo$/);
  assert.equal(templateData(alertAbout("a"), sinkContext()).lastWords, null);
});

Deno.test("cutFront() keeps whole lines of the end, or a part of the last one", () => {
  for (
    const [text, max, expected] of [
      ["a\nb", 3, "a\nb"],
      ["first\nsecond\nthird", 12, "second\nthird"],
      ["first\nsecond\nthird", 11, "third"],
      ["first\nsecond", 4, "…ond"],
      ["first\n", 3, "…t\n"],
      ["x😀yz", 4, "…yz"],
      ["😀😀", 2, "…"],
    ] as const
  ) {
    assert.equal(cutFront(text, max), expected, JSON.stringify(text));
    assert.ok(cutFront(text, max).length <= max);
    assert.ok(cutFront(text, max).isWellFormed());
  }
});
