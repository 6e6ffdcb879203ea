// The templates that stand beside the sink `webhook`: each goes to a stand-in that enforces its receiver's limits.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { messageOf } from "../../../src/detection/alert/message.ts";
import { webhook } from "../../../src/sinks/webhook/webhook.ts";
import { richSamples } from "../../../src/sinks/webhook/template_data.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import * as receivers from "../../helpers/chat_receivers.ts";
import { type Answering, HttpReceiver } from "../../helpers/http_receiver.ts";
import { groupAlert } from "../../helpers/loop.ts";
import { blindAlert } from "../../helpers/notices.ts";
import { sinkContext } from "../../helpers/sink.ts";
import { update } from "../../helpers/updates.ts";

interface Example {
  readonly file: string;
  readonly answering: Answering;
  readonly path: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where ends go. */
  readonly resolvedPath?: string;
}

const key = { HEADERS: "Authorization: GenieKey 3f9c" };
const ping = "/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";

const examples: readonly Example[] = [
  { file: "discord.json", answering: receivers.discord, path: "/api/webhooks/1/s3cr3t" },
  { file: "telegram.json", answering: receivers.telegram, path: "/bot1:s3cr3t/sendMessage" },
  { file: "ntfy.json", answering: receivers.ntfy, path: "/" },
  { file: "mattermost.json", answering: receivers.mattermost, path: "/hooks/s3cr3t" },
  {
    file: "google-chat.json",
    answering: receivers.googleChat,
    path: "/v1/spaces/S/messages?key=k&token=t&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD",
  },
  {
    file: "opsgenie.json",
    answering: receivers.opsgenie,
    path: "/v2/alerts",
    resolvedPath: "/v2/alerts/{loop}/close?identifierType=alias",
    env: key,
  },
  {
    file: "grafana-irm.json",
    answering: receivers.grafanaIrm,
    path: "/integrations/v1/formatted_webhook/s3cr3t/",
  },
  {
    file: "healthchecks.txt",
    answering: receivers.healthchecks,
    path: `${ping}/fail`,
    resolvedPath: ping,
    env: { HEADERS: "Content-Type: text/plain; charset=utf-8" },
  },
];

/** Of every reason, plain; and with texts longer than any receiver takes, which mention everybody. */
const long = '@everyone <users/all> "\u{1f600}\u00e9\n'.repeat(4_000);
const causes = ["job", "node", "storm"] as const;
const reasons = ["first", "update", "repeat", "gave-up", "resolved"] as const;

/** Each with a name of its own, of a group of 50 or more. */
function longGroup(alert: Alert): Alert {
  const group = alert.group!;
  const members = Array.from({ length: 50 }, (_, at) => (
    { ...group.members[0]!, name: `${long}[${at}]/server`, node: long, reason: long }
  ));
  const tally = Array.from({ length: 10 }, (_, at) => ({ text: long + at, count: 10 - at }));
  const node = { ID: long, Name: long, problem: long };
  return {
    ...alert,
    group: { ...group, members, node, tally: { namespaces: tally, reasons: tally, nodes: tally } },
    details: {
      ...alert.details!,
      Owner: long,
      Reason: long,
      Key: { ...alert.details!.Key, JobID: long, Task: `@all${long}` },
    },
  };
}

const alerts: readonly Alert[] = [
  ...richSamples,
  ...richSamples.map((alert) => ({
    ...alert,
    name: long,
    details: {
      ...alert.details!,
      Reason: long,
      Key: { ...alert.details!.Key, JobID: long, Task: `@all${long}` },
    },
  })),
  ...causes.flatMap((cause) => reasons.map((reason) => groupAlert(cause, reason))),
  ...causes.flatMap((cause) => reasons.map((reason) => longGroup(groupAlert(cause, reason)))),
  alertAbout("job.group[0]", { loop: "f00", lastEvent: update({ reason: long }) }),
  blindAlert("first"),
  blindAlert("first", long),
  blindAlert("resolved"),
];

for (const { file, answering, path, resolvedPath, env } of examples) {
  Deno.test(`the template ${file} obeys its receiver's limits, with every alert`, async () => {
    await using receiver = HttpReceiver.start(answering);
    const base = `http://127.0.0.1:${receiver.port}`;
    const all = {
      URL: base + path,
      FORMAT: "template",
      TEMPLATE_FILE: new URL(`../../../src/sinks/webhook/examples/${file}.liquid`, import.meta.url).pathname,
      ...(resolvedPath === undefined ? {} : { URL_RESOLVED: base + resolvedPath }),
      ...env,
    };
    for (const page of [undefined, new URL("https://loops.example.com")]) {
      await using sink = webhook.prepare({
        flags: {},
        env: Object.fromEntries(Object.entries(all).map(([name, value]) => [`SINK_WEBHOOK_${name}`, value])),
        problems: [],
      })!.open(sinkContext({
        cluster: "prod-eu",
        message: (alert) => messageOf(alert, { cluster: "prod-eu", page }),
      }));
      await sink.connect();
      for (const alert of alerts) await sink.send(alert);
    }
    assert.equal(receiver.received.length, 2 * alerts.length);
    const titles = [
      "shop/web\\.app/server is crash-looping: 20 allocations since 03:42 UTC",
      "5 jobs crash-loop on node client-1: 7 loops since 03:42 UTC",
      "500 crash loops in 500 jobs since 03:42 UTC",
    ];
    for (const title of titles) {
      assert.ok(receiver.received.some(({ body }) => new RegExp(`\\[prod-eu\\] ${title}`).test(body)), title);
    }
    const [first] = receiver.received;
    assert.match(
      first!.body,
      /\[prod-eu\] default\/web\.app\[0\]\/\\?"server\\?" is flapping: 5 failed runs since/,
    );
  });
}

Deno.test("every template is tried", async () => {
  const files = await Array.fromAsync(
    Deno.readDir(new URL("../../../src/sinks/webhook/examples/", import.meta.url)),
  );
  assert.deepEqual(
    files.map(({ name }) => name).toSorted(),
    examples.map(({ file }) => `${file}.liquid`).toSorted(),
  );
});

Deno.test("the stand-ins refuse what is longer than their receivers take", async () => {
  const request = (body: unknown, path = "/") => ({
    method: "POST",
    path,
    headers: new Headers({ "content-type": "application/json" }),
    body: JSON.stringify(body),
    senderPort: 1,
  });
  const mentions = { parse: [] };
  for (
    const [answering, taken, refused, path] of [
      [
        receivers.discord,
        { embeds: [{ title: "a", description: "b", color: 1 }], allowed_mentions: mentions },
        { embeds: [{ title: "a".repeat(257), description: "b", color: 1 }], allowed_mentions: mentions },
      ],
      [
        receivers.telegram,
        { chat_id: 1, text: "a" },
        { chat_id: 1, text: "a".repeat(4097) },
        "/bot1:a/sendMessage",
      ],
      [
        receivers.ntfy,
        { topic: "t", title: "", message: "a", priority: 3, tags: [] },
        { topic: "t", title: "", message: "\u00e9".repeat(2049), priority: 3, tags: [] },
      ],
    ] as const
  ) {
    assert.ok(((await answering(request(taken, path))).status ?? 200) < 300);
    assert.equal((await answering(request(refused, path))).status, 400);
  }
});
