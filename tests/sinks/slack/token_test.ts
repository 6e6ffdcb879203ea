// Slack by a token: one message for a loop, which its repeats and its end find.
import assert from "node:assert/strict";
import { faultOf } from "../../helpers/fault.ts";
import { groupAlert, loopAlert } from "../../helpers/loop.ts";
import { slackGiven } from "../../helpers/slack_sinks.ts";
import { waitFor, within } from "../../helpers/wait_for.ts";

Deno.test("send() posts the message of a loop with all that a person needs", async () => {
  await using slack = await slackGiven();
  await slack.open().send(loopAlert("first"));
  const [[method, body]] = slack.server.calls as [readonly [string, unknown]];
  const text = (text: string) => ({ type: "plain_text", text, emoji: false });
  const field = (text: string) => ({ type: "mrkdwn", text, verbatim: true });
  const button = (index: number, name: string, url: string) => (
    { type: "button", action_id: `link-${index}`, text: text(name), url }
  );
  const title = "🟠 [prod-eu] web.app[0] is crash-looping: 5 failed runs since 03:42 UTC";
  const reason = "Exited with 137 after 1 s, likely out of memory; Nomad tries again in 1.2 s";
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
  await using slack = await slackGiven();
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
  await using slack = await slackGiven();
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
  // A sink that is opened again knows nothing of the pace of the one before.
  await using slack = await slackGiven("token", 0);
  await slack.open().send(loopAlert("first"));
  await slack.open().send(loopAlert("repeat"));
  await slack.open().send(loopAlert("resolved"));
  const [message, ...replies] = slack.server.messages;
  assert.deepEqual(replies.map(({ thread }) => thread), [message!.ts, message!.ts]);
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() posts an end whose loop it does not know as a message of its own", async () => {
  await using slack = await slackGiven();
  await slack.open().send(loopAlert("resolved"));
  assert.deepEqual(slack.server.calls.map(([method]) => method), ["chat.postMessage"]);
  assert.equal(slack.server.messages[0]!.attachments[0].color, "#2eb67d");
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() posts a new message where Slack does not know the loop's any more", async () => {
  for (const reason of ["repeat", "resolved"] as const) {
    await using slack = await slackGiven();
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
  await using slack = await slackGiven();
  slack.records.put("3a3aca75c675347004d6a7eb6827420a", { channel: "COLD", ts: "1.1", usedAt: Date.now() });
  await slack.open().send(loopAlert("repeat"));
  assert.deepEqual(slack.server.messages.map(({ channel, thread }) => [channel, thread]), [[
    "C0ALERTS",
    undefined,
  ]]);
});

Deno.test("send() shows an end in the channel where the message must stay as it is", async () => {
  for (const error of ["cant_update_message", "edit_window_closed"]) {
    await using slack = await slackGiven();
    const sink = slack.open();
    await sink.send(loopAlert("first"));
    slack.server.refusals.push({ method: "chat.update", error });
    await sink.send(loopAlert("resolved"));
    const [message, reply] = slack.server.messages;
    assert.deepEqual([reply!.thread, reply!.broadcast], [message!.ts, true]);
  }
});

Deno.test("send() of an end goes on with the reply where the message is changed already", async () => {
  await using slack = await slackGiven();
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
  await using slack = await slackGiven();
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

Deno.test("disposing ends a send whose answer does not come", async () => {
  for (const way of ["token", "webhook"] as const) {
    await using slack = await slackGiven(way);
    const sink = slack.open();
    slack.server.faults.push("silence");
    const sending = faultOf(sink.send(loopAlert("first")));
    await waitFor("the request", () => slack.server.requests.length === 1);
    await sink[Symbol.asyncDispose]();
    assert.equal((await within("the send", sending)).message, "closed");
  }
});

const methodsOf = ({ calls }: { calls: readonly (readonly [method: string, body: unknown])[] }) =>
  calls.map(([method]) => method);

Deno.test("send() changes the message of a group silently as it grows, and turns it green once", async () => {
  for (const cause of ["job", "node", "storm"] as const) {
    await using slack = await slackGiven();
    const sink = slack.open();
    await sink.send(groupAlert(cause, "first", { counts: { active: 3 } }));
    const [message] = slack.server.messages;
    const [first] = [message!.text];
    await sink.send(groupAlert(cause, "update"));
    assert.notEqual(message!.text, first);
    await sink.send(groupAlert(cause, "repeat"));
    await sink.send(groupAlert(cause, "resolved"));
    assert.deepEqual(methodsOf(slack.server), [
      "chat.postMessage",
      "chat.update",
      "chat.postMessage",
      "chat.update",
      "chat.postMessage",
    ]);
    assert.equal(message!.attachments[0].color, "#2eb67d");
    assert.deepEqual(
      slack.server.messages.slice(1).map((
        { thread, broadcast, text },
      ) => [thread, broadcast, text.slice(0, 2)]),
      [[message!.ts, false, "🟠"], [message!.ts, false, "🟢"]],
    );
    assert.equal(slack.records.map.size, 0);
  }
});

Deno.test("send() posts an update of a group whose message it does not know, or Slack not any more, as a new one", async () => {
  await using slack = await slackGiven();
  const sink = slack.open();
  await sink.send(groupAlert("job", "update"));
  slack.server.delete(slack.server.messages[0]!.ts);
  await sink.send(groupAlert("job", "update"));
  await sink.send(groupAlert("job", "update"));
  assert.deepEqual(methodsOf(slack.server), [
    "chat.postMessage",
    "chat.update",
    "chat.postMessage",
    "chat.update",
  ]);
  assert.equal(slack.server.messages.length, 1);
});

Deno.test("send() says in the thread that a group has doubled where its message must stay as it is", async () => {
  await using slack = await slackGiven();
  const sink = slack.open();
  await sink.send(groupAlert("job", "first"));
  for (const doubled of [false, true]) {
    slack.server.refusals.push({ method: "chat.update", error: "edit_window_closed" });
    await sink.send(groupAlert("job", "update", { group: { doubled } }));
  }
  const [message, ...replies] = slack.server.messages;
  assert.deepEqual(replies.map(({ thread, broadcast }) => [thread, broadcast]), [[message!.ts, false]]);
});

Deno.test("send() keeps in mind where a group's message is when Nomad gave up, until the group is resolved", async () => {
  await using slack = await slackGiven();
  const sink = slack.open();
  await sink.send(groupAlert("job", "first"));
  await sink.send(groupAlert("job", "gave-up", { counts: { active: 17, gaveUp: 3 } }));
  const [message, reply] = slack.server.messages;
  assert.deepEqual([reply!.thread, reply!.broadcast], [message!.ts, true]);
  await sink.send(groupAlert("job", "resolved"));
  assert.equal(message!.attachments[0].color, "#2eb67d");
  assert.deepEqual(slack.server.messages.filter(({ thread }) => thread === undefined), [message]);
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() posts the end of a group that it does not know as a message of its own", async () => {
  await using slack = await slackGiven();
  await slack.open().send(groupAlert("storm", "resolved"));
  assert.match(
    slack.server.messages[0]!.text,
    /^🟢 \[prod-eu\] All 500 crash loops in 500 jobs since 03:42 UTC are resolved: /,
  );
  assert.equal(slack.records.map.size, 0);
});

Deno.test("send() posts and changes the text alone where Slack refuses the layout; a text that it refuses is dropped", async () => {
  await using slack = await slackGiven();
  const sink = slack.open();
  slack.server.refusals.push({ method: "chat.postMessage", error: "invalid_blocks" });
  await sink.send(groupAlert("job", "first"));
  slack.server.refusals.push({ method: "chat.update", error: "msg_blocks_too_long" });
  await sink.send(groupAlert("job", "update"));
  const [{ text, blocks, attachments }, ...others] = slack.server.messages as [
    typeof slack.server.messages[0],
  ];
  assert.match(text, /is crash-looping/);
  assert.deepEqual([blocks, attachments, others], [[], [], []]);
  for (const error of ["invalid_blocks", "no_text"]) {
    slack.server.refusals.push({ method: "chat.postMessage", error });
  }
  assert.equal((await faultOf(sink.send(loopAlert("first")))).recovery, "rejected");
});
