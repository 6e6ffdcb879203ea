// The sink `slack`: its settings, and the real program with it.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { slack } from "../../../src/sinks/slack/slack.ts";
import { loopAlert, namedContext } from "../../helpers/loop.ts";
import { run } from "../../helpers/program.ts";
import { slackGiven } from "../../helpers/slack_sinks.ts";
import { update } from "../../helpers/updates.ts";

/** What is wrong with the settings. */
function problemsOf(env: Readonly<Record<string, string>>, name?: string): string[] {
  const problems: string[] = [];
  const adapter = name === undefined ? slack : slack.named(name);
  assert.equal(adapter.prepare({ flags: {}, env, problems }), undefined);
  return problems;
}

const wrongSettings: readonly (readonly [env: Readonly<Record<string, string>>, problem: string])[] = [
  [
    {},
    "Missing SINK_SLACK_WEBHOOK_URL (--sink-slack-webhook-url), or SINK_SLACK_TOKEN (--sink-slack-token) and " +
    "SINK_SLACK_CHANNEL (--sink-slack-channel): where messages go in Slack",
  ],
  [
    { SINK_SLACK_TOKEN: "xoxb-1" },
    "Missing SINK_SLACK_CHANNEL (--sink-slack-channel): channel that the token posts to, by its ID or its name, " +
    "such as C0123456789",
  ],
  [
    { SINK_SLACK_CHANNEL: "#alerts" },
    "Missing SINK_SLACK_TOKEN (--sink-slack-token): bot token with the scope chat:write: one message for a loop, which " +
    "its repeats and its end find, such as xoxb-…",
  ],
  [
    { SINK_SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/T/B/x", SINK_SLACK_TOKEN: "xoxb-1" },
    "SINK_SLACK_WEBHOOK_URL (--sink-slack-webhook-url) and SINK_SLACK_TOKEN (--sink-slack-token): found both; give the " +
    "webhook, or a token and a channel",
  ],
  [
    { SINK_SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/T/B/x", SINK_SLACK_CHANNEL: "#alerts" },
    "SINK_SLACK_WEBHOOK_URL (--sink-slack-webhook-url) and SINK_SLACK_CHANNEL (--sink-slack-channel): found both; give " +
    "the webhook, or a token and a channel",
  ],
  [
    { SINK_SLACK_WEBHOOK_URL: "hooks.slack.com/services/T/B/hunter2" },
    "SINK_SLACK_WEBHOOK_URL (--sink-slack-webhook-url): found a value that is not shown here, not a URL; expected a URL " +
    "that begins with https:// or http://, such as https://hooks.slack.com/services/T…/B…/…",
  ],
  [
    { SINK_SLACK_TOKEN: "xoxb-1 2", SINK_SLACK_CHANNEL: "#alerts" },
    "SINK_SLACK_TOKEN (--sink-slack-token): found a value that is not shown here; expected a token without spaces, such " +
    "as xoxb-…",
  ],
];

Deno.test("prepare() says what is wrong with the settings, and takes one of the two ways", () => {
  for (const [env, problem] of wrongSettings) assert.deepEqual(problemsOf(env), [problem]);
});

Deno.test("prepare() names the variables of a sink with a name of its own", () => {
  assert.deepEqual(problemsOf({}, "night-shift"), [
    "Missing SINK_SLACK_NIGHT_SHIFT_WEBHOOK_URL (--sink-slack-night-shift-webhook-url), or " +
    "SINK_SLACK_NIGHT_SHIFT_TOKEN (--sink-slack-night-shift-token) and SINK_SLACK_NIGHT_SHIFT_CHANNEL " +
    "(--sink-slack-night-shift-channel): where messages go in Slack",
  ]);
});

Deno.test("the adapter gets the ends of loops, and opens a sink that sends one alert at a time", () => {
  const env = { SINK_SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/T/B/x", SINK_SLACK_ONLY: "shop/*" };
  const prepared = slack.prepare({ flags: {}, env, problems: [] })!;
  assert.equal(prepared.needsEnds, true);
  assert.equal(prepared.open(namedContext()).concurrency, 1);
  const other: Alert = loopAlert("first", { Key: { Namespace: "other", JobID: "web" } });
  assert.deepEqual([loopAlert("first"), other].map((alert) => prepared.accepts(alert)), [true, false]);
});

Deno.test("the program goes on with the message of a loop in its next run, and turns it green at the end", async () => {
  await using slack = await slackGiven();
  const folder = await Deno.makeTempDir();
  try {
    const second = 1_000_000_000n;
    const begin = BigInt(Date.now()) * 1_000_000n - 3_600n * second;
    const failing = (from: bigint) =>
      Array.from(
        { length: 6 },
        (_, index) => update({ time: begin + (from + BigInt(index) * 10n) * second }),
      );
    const runs = [
      failing(0n),
      failing(60n),
      [update({ name: "other.group[0]", time: begin + 1_800n * second })],
    ];
    for (const updates of runs) {
      const { code, stderr } = await run({
        env: {
          SINK_TYPE: "slack",
          SINK_SLACK_TOKEN: slack.server.token,
          SINK_SLACK_CHANNEL: "#alerts",
          SINK_SLACK_API_URL: slack.server.apiUrl,
          NOTIFICATION_INTERVAL: "1m",
          STATE: `sqlite:${folder}/state.db`,
        },
        args: ["--source-type", "stdin", "--log-level", "warning"],
        stdin: updates.join("\n"),
      });
      assert.deepEqual([code, stderr], [0, ""]);
    }
    const [message, ...replies] = slack.server.messages;
    assert.match(message!.text, /^🟢 job\.group\[0\] no longer crash-loops: /);
    assert.deepEqual(new Set(replies.map(({ thread }) => thread)), new Set([message!.ts]));
    const titles = replies.map(({ text }) => text.split(": ")[0]);
    assert.equal(titles.pop(), "🟢 job.group[0] no longer crash-loops");
    assert.deepEqual(new Set(titles), new Set(["🟠 job.group[0] is still crash-looping"]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("people read it, and with a token it changes what it sent", () => {
  const prepared = (env: Readonly<Record<string, string>>) =>
    slack.prepare({ flags: {}, env, problems: [] })!;
  const byToken = prepared({ SINK_SLACK_TOKEN: "xoxb-1", SINK_SLACK_CHANNEL: "C1" });
  const byWebhook = prepared({ SINK_SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/T/B/x" });
  assert.deepEqual([byToken.audience, byToken.updates], ["people", true]);
  assert.deepEqual([byWebhook.audience, byWebhook.updates], ["people", false]);
});
