// The sink `slack`: one message for a loop that its repeats and its end find, what its refusals mean, and its limits.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import { type Message, messageOf } from "../../src/detection/alert/message.ts";
import type { Fault } from "../../src/lib/errors.ts";
import { layoutOf, replyOf } from "../../src/sinks/slack/layout.ts";
import { openSlack, slack } from "../../src/sinks/slack/slack.ts";
import { Threads } from "../../src/sinks/slack/threads.ts";
import type { Sink, SinkContext } from "../../src/sinks/sink.ts";
import { faultOf } from "../helpers/fault.ts";
import { loopAlert, namedContext, surroundings } from "../helpers/loop.ts";
import { run } from "../helpers/program.ts";
import { TestRecords } from "../helpers/sink.ts";
import { type SlackStandIn, startSlack } from "../helpers/slack.ts";
import { update } from "../helpers/updates.ts";
import { waitFor, within } from "../helpers/wait_for.ts";

/** What is wrong with the settings. */
function problemsOf(env: Readonly<Record<string, string>>, name?: string): string[] {
  const problems: string[] = [];
  const adapter = name === undefined ? slack : slack.named(name);
  assert.equal(adapter.prepare({ flags: {}, env, problems }), undefined);
  return problems;
}

interface Given extends AsyncDisposable {
  readonly server: SlackStandIn;
  readonly records: TestRecords;
  /** The sink, opened again. */
  open(differs?: { token?: string; channel?: string; path?: string; context?: Partial<SinkContext> }): Sink;
}

/** Slack that takes a message each 5 ms, and sinks that know it. */
async function given(way: "token" | "webhook" = "token"): Promise<Given> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startSlack(5));
  const records = new TestRecords();
  const open = parts.move();
  return {
    server,
    records,
    open({ token = server.token, channel = "#alerts", path = "/api", context = {} } = {}) {
      const values = {
        webhookUrl: way === "webhook" ? new URL(server.webhookUrl) : undefined,
        token: way === "token" ? token : undefined,
        channel: way === "token" ? channel : undefined,
        apiUrl: new URL(path, server.apiUrl),
      };
      return open.use(openSlack(values, namedContext({ records, ...context }), "SINK_SLACK", 5));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
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

Deno.test("send() posts the message of a loop with all that a person needs", async () => {
  await using slack = await given();
  await slack.open().send(loopAlert("first"));
  const [[method, body]] = slack.server.calls as [readonly [string, unknown]];
  const text = (text: string) => ({ type: "plain_text", text, emoji: false });
  const field = (text: string) => ({ type: "mrkdwn", text, verbatim: true });
  const button = (index: number, name: string, url: string) => (
    { type: "button", action_id: `link-${index}`, text: text(name), url }
  );
  const title = "🟠 [prod-eu] web.app[0] is crash-looping: 5 failed runs since 03:42 UTC";
  const reason =
    "Exited with 137 after 1 s, likely out of memory, 5 times since 03:42 UTC; Nomad tries again in 1.2 s";
  assert.equal(method, "chat.postMessage");
  assert.deepEqual(body, {
    channel: "#alerts",
    text: `${title}: ${reason}`,
    blocks: [{ type: "header", text: text(title) }, { type: "section", text: text(reason) }],
    attachments: [{
      color: "#ecb22e",
      blocks: [
        {
          type: "section",
          fields: [
            field("*Cluster*\nprod-eu"),
            field("*Namespace*\nshop"),
            field("*Job*\nweb"),
            field("*Group*\napp"),
            field("*Task*\nserver"),
            field("*Node*\nclient-1 (ca601765)"),
            field("*Allocation*\na0458171"),
            field(
              "*Last exit*\nexit code 137 (SIGKILL), likely out of memory, after 1s, at 03:43:08 UTC",
            ),
            field("*Next attempt*\n03:43:09 UTC"),
          ],
        },
        {
          type: "actions",
          elements: [
            button(0, "Job in Nomad", "https://nomad.example.com/ui/jobs/web%40shop"),
            button(
              1,
              "Allocation in Nomad",
              "https://nomad.example.com/ui/allocations/a0458171-9a7f-3e5e-2262-4f63c1a59075",
            ),
            button(2, "Loop", "https://loops.example.com/allocation/3a3aca75c675347004d6a7eb6827420a"),
          ],
        },
      ],
    }],
    unfurl_links: false,
    unfurl_media: false,
  });
});

Deno.test("send() puts repeats into the thread of the loop; its end turns the message green and says so there", async () => {
  await using slack = await given();
  const sink = slack.open();
  for (const reason of ["first", "repeat", "resolved"] as const) await sink.send(loopAlert(reason));
  const { messages } = slack.server;
  const [message, ...replies] = messages;
  assert.equal(message!.thread, undefined);
  assert.match(
    message!.text,
    /^🟢 \[prod-eu\] web\.app\[0\] no longer crash-loops: 9 failed runs since 03:42 UTC: /,
  );
  assert.equal(message!.attachments[0].color, "#2eb67d");
  assert.deepEqual(replies.map(({ thread, text, broadcast }) => [thread, text.split(": ")[0], broadcast]), [
    [message!.ts, "🟠 [prod-eu] web.app[0] is still crash-looping", false],
    [message!.ts, "🟢 [prod-eu] web.app[0] no longer crash-loops", false],
  ]);
  assert.deepEqual(slack.server.calls.map(([method, body]) => [method, body.channel]), [
    ["chat.postMessage", "#alerts"],
    ["chat.postMessage", "C0ALERTS"],
    ["chat.update", "C0ALERTS"],
    ["chat.postMessage", "C0ALERTS"],
  ]);
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() shows what Nomad gave up in the channel too, red, and forgets the loop", async () => {
  await using slack = await given();
  const sink = slack.open();
  await sink.send(loopAlert("first"));
  await sink.send(loopAlert("gave-up"));
  const [message, reply] = slack.server.messages;
  assert.match(
    message!.text,
    /^🔴 \[prod-eu\] web\.app\[0\] was given up by Nomad: 9 failed runs since 03:42 UTC: /,
  );
  assert.equal(message!.attachments[0].color, "#e01e5a");
  assert.deepEqual([reply!.thread, reply!.broadcast], [message!.ts, true]);
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() finds the message of a loop after a restart, with what it remembers", async () => {
  await using slack = await given();
  await slack.open().send(loopAlert("first"));
  await slack.open().send(loopAlert("repeat"));
  await slack.open().send(loopAlert("resolved"));
  const [message, ...replies] = slack.server.messages;
  assert.deepEqual(replies.map(({ thread }) => thread), [message!.ts, message!.ts]);
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() posts an end whose loop it does not know as a message of its own", async () => {
  await using slack = await given();
  await slack.open().send(loopAlert("resolved"));
  assert.deepEqual(slack.server.calls.map(([method]) => method), ["chat.postMessage"]);
  assert.equal(slack.server.messages[0]!.attachments[0].color, "#2eb67d");
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() posts a new message where Slack does not know the loop's any more", async () => {
  for (const reason of ["repeat", "resolved"] as const) {
    await using slack = await given();
    const sink = slack.open();
    await sink.send(loopAlert("first"));
    const { ts } = slack.server.messages[0]!;
    slack.server.delete(ts);
    await sink.send(loopAlert(reason));
    const [message] = slack.server.messages;
    assert.equal(message!.thread, undefined);
    assert.deepEqual(
      [...slack.records.map.values()].map((thread) => (thread as { ts: string }).ts),
      reason === "repeat" ? [message!.ts] : [],
    );
  }
});

Deno.test("send() posts a new message where the channel of the loop's is gone, and the setting names another", async () => {
  await using slack = await given();
  slack.records.put("3a3aca75c675347004d6a7eb6827420a", { channel: "COLD", ts: "1.1", usedAt: Date.now() });
  await slack.open().send(loopAlert("repeat"));
  assert.deepEqual(slack.server.messages.map(({ channel, thread }) => [channel, thread]), [[
    "C0ALERTS",
    undefined,
  ]]);
});

Deno.test("send() shows an end in the channel where the message must stay as it is", async () => {
  for (const error of ["cant_update_message", "edit_window_closed"]) {
    await using slack = await given();
    const sink = slack.open();
    await sink.send(loopAlert("first"));
    slack.server.refusals.push({ method: "chat.update", error });
    await sink.send(loopAlert("resolved"));
    const [message, reply] = slack.server.messages;
    assert.deepEqual([reply!.thread, reply!.broadcast], [message!.ts, true]);
  }
});

Deno.test("send() of an end goes on with the reply where the message is changed already", async () => {
  await using slack = await given();
  const sink = slack.open();
  await sink.send(loopAlert("first"));
  slack.server.refusals.push({ method: "chat.postMessage", error: "internal_error" });
  const end = loopAlert("resolved");
  assert.equal((await faultOf(sink.send(end))).recovery, "transient");
  await sink.send(end);
  assert.deepEqual(slack.server.calls.slice(1).map(([method]) => method), [
    "chat.update",
    "chat.postMessage",
    "chat.postMessage",
  ]);
  assert.equal(slack.server.messages.length, 2);
});

Deno.test("send() keeps the loop's message in mind where a new one cannot be posted", async () => {
  await using slack = await given();
  const sink = slack.open();
  await sink.send(loopAlert("first"));
  for (let refused = 0; refused < 2; refused++) {
    slack.server.refusals.push({ method: "chat.postMessage", error: "not_in_channel" });
  }
  assert.equal((await faultOf(sink.send(loopAlert("repeat")))).recovery, "operator");
  await sink.send(loopAlert("repeat"));
  const [message, reply] = slack.server.messages;
  assert.equal(reply!.thread, message!.ts);
});

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
  await using slack = await given();
  const sink = slack.open();
  for (const [error, recovery, toDo] of refusals) {
    slack.server.refusals.push({ method: "chat.postMessage", error });
    assert.deepEqual(await faultOf(sink.send(loopAlert("first"))), {
      message: `${slack.server.apiUrl}/chat.postMessage refused: ${error}${toDo && `; ${toDo}`}`,
      recovery,
      retryAfter: 0,
    });
  }
  assert.equal(slack.server.messages.length, 0);
});

Deno.test("send() says why Slack finds the blocks invalid", async () => {
  await using slack = await given();
  const answer = {
    ok: false,
    error: "invalid_blocks",
    response_metadata: { messages: ["[ERROR] no more than 10"] },
  };
  slack.server.faults.push({ status: 200, body: JSON.stringify(answer) });
  assert.equal(
    (await faultOf(slack.open().send(loopAlert("first")))).message,
    `${slack.server.apiUrl}/chat.postMessage refused: invalid_blocks ([ERROR] no more than 10)`,
  );
});

Deno.test("connect() finds a token that is wrong or lacks its scope, which no retry mends", async () => {
  await using slack = await given();
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
  await using slack = await given();
  assert.equal(
    await slack.open().check(),
    'token of "detector" in "Example": valid; whether it may post to #alerts only a message can try, which ' +
      "nomad-crashloop-detector test-alert sends",
  );
});

Deno.test("send() obeys Retry-After, and keeps messages apart", async () => {
  await using slack = await given();
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
  await using slack = await given();
  const sink = slack.open();
  const where = `${slack.server.apiUrl}/chat.postMessage`;
  const answers = [
    [
      { status: 200, body: "<html>Log in to the proxy</html>" },
      "answered 200, but not as Slack does: <html>Log in to the proxy</html>; look at SINK_SLACK_API_URL, and at proxies",
      "operator",
    ],
    [
      { status: 200 },
      "answered 200, but not as Slack does: nothing; look at SINK_SLACK_API_URL, and at proxies",
      "operator",
    ],
    [
      { status: 302, headers: { location: "https://elsewhere.example.com/" } },
      "answered 302: redirects are not followed; set the address to where it leads",
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

Deno.test("the webhook gets a message for each alert, and only its answer ok confirms", async () => {
  await using slack = await given("webhook");
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
  await using slack = await given("webhook");
  const sink = slack.open();
  const { server } = slack;
  const exists =
    "; let SINK_SLACK_WEBHOOK_URL be a webhook that exists, for a channel that may be written to";
  const answers = [
    [{ status: 404, body: "no_service" }, `answered 404: no_service${exists}`, "operator"],
    [{ status: 403, body: "action_prohibited" }, `answered 403: action_prohibited${exists}`, "operator"],
    [{ status: 410, body: "channel_is_archived" }, `answered 410: channel_is_archived${exists}`, "operator"],
    [{ status: 400, body: "invalid_blocks" }, "answered 400: invalid_blocks", "rejected"],
    [{ status: 500, body: "rollup_error" }, "answered 500: rollup_error", "transient"],
    [
      { status: 404, body: `Cannot POST ${server.webhookPath}` },
      `answered 404: Cannot POST ***${exists}`,
      "operator",
    ],
    [
      { status: 200, body: "<html>hello" },
      'answered 200, but not "ok" as Slack does: <html>hello; look at SINK_SLACK_WEBHOOK_URL, and at proxies',
      "operator",
    ],
    ["cut", ": the connection broke", "transient"],
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

Deno.test("disposing ends a send whose answer does not come", async () => {
  for (const way of ["token", "webhook"] as const) {
    await using slack = await given(way);
    const sink = slack.open();
    slack.server.faults.push("silence");
    const sending = faultOf(sink.send(loopAlert("first")));
    await waitFor("the request", () => slack.server.requests.length === 1);
    await sink[Symbol.asyncDispose]();
    assert.equal((await within("the send", sending)).message, "closed");
  }
});

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
    await using slack = await given();
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

Deno.test("Threads forgets the longest unused loops beyond its number, and those older than 30 days", () => {
  const records = new TestRecords();
  const threads = new Threads(records, 2);
  for (const loop of ["a", "b"]) threads.keep(loop, { channel: "C", ts: loop });
  threads.keep("a", { channel: "C", ts: "a" });
  threads.keep("c", { channel: "C", ts: "c" });
  assert.deepEqual([...records.map.keys()], ["a", "c"]);
  assert.deepEqual(threads.get("a"), { ...threads.get("a"), channel: "C", ts: "a" });
  assert.equal(threads.get("b"), undefined);
  records.put("old", { channel: "C", ts: "old", usedAt: Date.now() - 31 * 86_400_000 });
  const again = new Threads(records, 2);
  assert.equal(again.size, 2);
  assert.deepEqual([...records.map.keys()], ["a", "c"]);
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
  await using slack = await given();
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
