// Templates: what they may say, how it is escaped and cut, and what is said of those that are wrong, at the start.
import assert from "node:assert/strict";
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { messageOf } from "../../../src/detection/alert/message.ts";
import type { Sink } from "../../../src/sinks/sink.ts";
import { webhook } from "../../../src/sinks/webhook/webhook.ts";
import { alertAbout } from "../../helpers/alerts.ts";
import { groupAlert } from "../../helpers/loop.ts";
import { HttpReceiver } from "../../helpers/http_receiver.ts";
import { sinkContext } from "../../helpers/sink.ts";
import { update } from "../../helpers/updates.ts";

const names = "SINK_WEBHOOK_TEMPLATE_FILE (--sink-webhook-template-file)";
const plainText = { SINK_WEBHOOK_HEADERS: "Content-Type: text/plain" };

function open(path: string, url: string, env: Readonly<Record<string, string>> = {}): Sink {
  const all = {
    SINK_WEBHOOK_URL: url,
    SINK_WEBHOOK_FORMAT: "template",
    SINK_WEBHOOK_TEMPLATE_FILE: path,
    ...env,
  };
  return webhook.prepare({ flags: {}, env: all, problems: [] })!.open(sinkContext({
    cluster: "prod-eu",
    message: (alert) => messageOf(alert, { cluster: "prod-eu", page: new URL("https://loops.example.com") }),
  }));
}

async function withFile<T>(text: string, run: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".liquid" });
  try {
    await Deno.writeTextFile(path, text);
    return await run(path);
  } finally {
    await Deno.remove(path);
  }
}

/** What a template sends of an alert. */
async function sent(text: string, alert: Alert, env: Readonly<Record<string, string>> = {}): Promise<string> {
  await using receiver = HttpReceiver.start();
  return await withFile(text, async (path) => {
    await using sink = open(path, `http://127.0.0.1:${receiver.port}/`, env);
    await sink.connect();
    await sink.send(alert);
    return receiver.received[0]!.body;
  });
}

const nasty = 'quote" back\\slash tab\t line\nfeed \u2028 <b> ${x} {{ id }} \u{1f600}';

Deno.test("what a template inserts is escaped for strings of JSON, whatever it is", async () => {
  const alert = alertAbout(nasty, { lastEvent: update({ task: nasty }) });
  const text = '{"key": "{{ key }}", "task": "{{ update.TaskName }}", "count": {{ details.Failures }}, ' +
    '"facts": {{ facts }}, "again": {{ facts | json }}, "cut": "{{ key | truncate: 7 }}", "none": "{{ details.None }}"}';
  await assert.rejects(sent(text, alert), /undefined variable: details\.None/);
  const body = JSON.parse(await sent(text.replace("details.None", "details.LastExit.ExitCode"), alert));
  assert.equal(body.key, nasty);
  assert.equal(body.task, nasty);
  assert.equal(body.count, 2);
  assert.deepEqual(body.facts, messageOf(alert, { cluster: "prod-eu" }).facts);
  assert.deepEqual(body.again, body.facts);
  assert.equal(body.cut, 'quote"…');
  assert.equal(body.none, "");
});

Deno.test("a template of another type than JSON has texts as they are", async () => {
  const alert = alertAbout(nasty, { reason: "gave-up" });
  const text = "{{ key }}|{{ severity }}|{{ state }}|{{ notification }}|{{ cluster }}|{{ loop }}|{{ id }}";
  assert.equal(
    await sent(text, alert, plainText),
    `${nasty}|critical|gave-up|gave-up|prod-eu|0|${alert.id}`,
  );
});

Deno.test("the text of an alert is its reason, its facts and its links, a line each", async () => {
  const alert = alertAbout("job.group[0]", { loop: "f00" });
  const { reason } = messageOf(alert);
  assert.equal(
    await sent("{{ title }}\n{{ text }}", alert, plainText),
    [
      messageOf(alert, { cluster: "prod-eu" }).title,
      reason,
      "Cluster: prod-eu",
      "Job: job",
      "Group: group",
      "Task: task",
      "Node: ca601765",
      "Allocation: 2b1f6c9a",
      "Loop: https://loops.example.com/allocation/f00",
    ].join("\n"),
  );
});

const nowhere = "http://127.0.0.1:1/";
const at = (path: string) => JSON.stringify(path);

/** Templates that are wrong, and what is said of them after their file. */
const mistakes: readonly (readonly [text: string, problem: string])[] = [
  [
    "{",
    " makes no JSON of an alert whose state is active: Expected property name or '}' in JSON at position 1 (line 1 " +
    "column 2); mend it, or name another Content-Type in the headers",
  ],
  [
    '{"a": "{{ titel }}"}',
    " cannot be filled in: undefined variable: titel in line 1, column 11; mend it there",
  ],
  [
    '{\n"a": "{{ details.LastExit.Code }}"}',
    " cannot be filled in: undefined variable: details.LastExit.Code in line 2, " +
    "column 10; mend it there",
  ],
  [
    '"{{ title | shorten }}"',
    " is no template: undefined filter: shorten in line 1, column 2; mend it there",
  ],
  ['"{{ title "', ' is no template: output "{{ title \\"" not closed in line 1, column 2; mend it there'],
  ["{% if state %}{}", " is no template: tag {% if state %} not closed in line 1, column 1; mend it there"],
  [
    '{% if state == "resolved" %}[{% endif %}1',
    " makes no JSON of an alert whose state is resolved: Expected ',' or ']' after array element in JSON at " +
    "position 2 (line 1 column 3); mend it, or name another Content-Type in the headers",
  ],
  [
    '{% include "/etc/passwd" %}',
    ' cannot be filled in: ENOENT: Failed to lookup "/etc/passwd" in "." in line 1, column 1; mend it there',
  ],
  [
    "{% for i in (1..100000000) %}{% endfor %}",
    " cannot be filled in: memory alloc limit exceeded in line 1, column 1; mend it there",
  ],
];

Deno.test("connect() says what is wrong with a template, so that the start ends", async () => {
  for (const [text, problem] of mistakes) {
    await withFile(text, async (path) => {
      await using sink = open(path, nowhere);
      await assert.rejects(sink.connect(), {
        message: `${names}: ${at(path)}${problem}`,
        recovery: "config",
      });
    });
  }
});

Deno.test("connect() says that there is no file of a template", async () => {
  await using sink = open("/nowhere/slack.json", nowhere);
  await assert.rejects(sink.connect(), {
    message:
      `${names}: cannot read "/nowhere/slack.json": there is no such file; name the file of a template`,
    recovery: "config",
  });
});

Deno.test("send() rejects an alert of which a template makes no JSON, and no other", async () => {
  const text = '{"a": {% if key == "odd" %}1,{% endif %}1}';
  await assert.rejects(sent(text, alertAbout("odd")), ({ message, recovery }) => {
    assert.match(message, / makes no JSON of an alert whose state is active: .*; mend it/);
    assert.equal(recovery, "rejected");
    return true;
  });
  assert.equal(await sent(text, alertAbout("even")), '{"a": 1}');
});

Deno.test("a template knows a group by its name: cause, counts, members, node; of one loop there is none", async () => {
  const text = "{{ key }}: {% if group %}{{ group.cause }} {{ group.counts.active }} {{ group.jobs }} " +
    "{{ group.members.size }} {{ group.tally.reasons[0].text }} {{ group.node.Name }}{% else %}alone{% endif %}";
  assert.equal(
    await sent(text, groupAlert("node", "first"), plainText),
    "client-1: node 7 5 7 exited with 1 client-1",
  );
  assert.equal(
    await sent(text, groupAlert("job", "first"), plainText),
    "shop/web.app/server: job 20 1 20 exited with 1 ",
  );
  const one = groupAlert("job", "first", { counts: { active: 1 } });
  assert.equal(await sent(text, one, plainText), "shop/web.app[0]/server: alone");
  await assert.rejects(
    sent("{% if group %}{{ group.count }}{% endif %}", one, plainText),
    /undefined variable: group\.count/,
  );
});
