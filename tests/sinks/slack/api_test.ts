// What answers of Slack's Web API mean, and what to do.
import assert from "node:assert/strict";
import type { Fault } from "../../../src/lib/errors.ts";
import { faultOf } from "../../helpers/fault.ts";
import { layoutRefusals } from "../../../src/sinks/slack/layout.ts";
import { loopAlert } from "../../helpers/loop.ts";
import { slackGiven } from "../../helpers/slack_sinks.ts";

const login = "set SINK_SLACK_TOKEN to the Bot User OAuth Token of an app that is installed in the workspace";
const refusals: readonly (readonly [error: string, recovery: Fault["recovery"], toDo: string])[] = [
  ["invalid_auth", "config", login],
  ["not_authed", "config", login],
  ["account_inactive", "config", login],
  ["token_revoked", "config", login],
  ["token_expired", "config", login],
  ["missing_scope", "config", "give the app the scope chat:write, and install it in the workspace again"],
  [
    "channel_not_found",
    "operator",
    "set SINK_SLACK_CHANNEL, which is #alerts, to a channel that exists; invite the app to it if it is private",
  ],
  ["not_in_channel", "operator", "invite the app to #alerts, or give it the scope chat:write.public"],
  ["is_archived", "operator", "unarchive #alerts, or set SINK_SLACK_CHANNEL to another channel"],
  ["restricted_action", "operator", ""],
  ["msg_too_long", "rejected", ""],
  ["msg_blocks_too_long", "rejected", ""],
  ["invalid_blocks", "rejected", ""],
  ["ratelimited", "transient", ""],
  ["internal_error", "transient", ""],
  ["service_unavailable", "transient", ""],
];

Deno.test("send() says what Slack refused, whether a retry can help, and what to do", async () => {
  await using slack = await slackGiven();
  const sink = slack.open();
  for (const [error, recovery, toDo] of refusals) {
    const refusal = { method: "chat.postMessage", error };
    // What is wrong with the layout is tried once more without it.
    slack.server.refusals.push(...Array(layoutRefusals.has(error) ? 2 : 1).fill(refusal));
    assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
      message: `${slack.server.apiUrl}/chat.postMessage refused: ${error}${toDo && `; ${toDo}`}`,
      recovery,
      retryAfter: 0,
    });
  }
  assert.equal(slack.server.messages.length, 0);
});

Deno.test("send() says why Slack finds the blocks invalid", async () => {
  await using slack = await slackGiven();
  const answer = {
    ok: false,
    error: "invalid_blocks",
    response_metadata: { messages: ["[ERROR] no more than 10"] },
  };
  const refusal = { status: 200, body: JSON.stringify(answer) };
  slack.server.faults.push(refusal, refusal);
  assert.equal(
    (await faultOf(slack.open().send(loopAlert("first")))).message,
    `${slack.server.apiUrl}/chat.postMessage refused: invalid_blocks ([ERROR] no more than 10)`,
  );
});

Deno.test("connect() finds a token that is wrong or lacks its scope, which no retry mends", async () => {
  await using slack = await slackGiven();
  assert.deepEqual(await faultOf(slack.open({ token: "xoxb-wrong-token" }).connect()), {
    message: `${slack.server.apiUrl}/auth.test refused: invalid_auth; ${login}`,
    recovery: "config",
    retryAfter: 0,
  });
  slack.server.scopes = "incoming-webhook,chat:write.customize";
  assert.deepEqual(await faultOf(slack.open().connect()), {
    message:
      "the token of SINK_SLACK_TOKEN lacks the scope chat:write; give it to the app, and install it in the " +
      "workspace again",
    recovery: "config",
    retryAfter: 0,
  });
});

Deno.test("check() says who the token is, and what it cannot try", async () => {
  await using slack = await slackGiven();
  assert.equal(
    await slack.open().check(),
    'token of "detector" in "Example": valid; whether it may post to #alerts only a message can try, which ' +
      "nomad-crashloop-detector test-alert sends",
  );
});

Deno.test("send() obeys Retry-After, and keeps messages apart", async () => {
  await using slack = await slackGiven();
  const sink = slack.open();
  slack.server.faults.push({
    status: 429,
    headers: { "retry-after": "30" },
    body: '{"ok":false,"error":"ratelimited"}',
  });
  assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
    message: `${slack.server.apiUrl}/chat.postMessage answered 429: {"ok":false,"error":"ratelimited"}`,
    recovery: "transient",
    retryAfter: 30_000,
  });
  // The stand-in answers 429 to what comes sooner than its 5 ms.
  for (let sent = 0; sent < 20; sent++) {
    await sink.send(loopAlert("first", {}, sent.toString(16).padStart(32, "0")));
  }
  assert.equal(slack.server.messages.length, 20);
});

Deno.test("send() tells an answer that is not Slack's, a redirect, and a page in its place", async () => {
  await using slack = await slackGiven();
  const sink = slack.open();
  const where = `${slack.server.apiUrl}/chat.postMessage`;
  const answers = [
    [
      { status: 200, body: "<html>Log in to the proxy</html>" },
      "answered 200, but not as Slack does: <html>Log in to the proxy</html>; check SINK_SLACK_API_URL and any proxies",
      "operator",
    ],
    [
      { status: 200 },
      "answered 200, but not as Slack does: nothing; check SINK_SLACK_API_URL and any proxies",
      "operator",
    ],
    [
      { status: 302, headers: { location: "https://elsewhere.example.com/" } },
      "answered 302: redirects are not followed; set the address to their target",
      "operator",
    ],
    [{ status: 503, body: "upstream connect error" }, "answered 503: upstream connect error", "transient"],
  ] as const;
  for (const [answer, message, recovery] of answers) {
    slack.server.faults.push(answer);
    assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
      message: `${where} ${message}`,
      recovery,
      retryAfter: 0,
    });
  }
});
