// Which sinks get what is about the detector itself.
import assert from "node:assert/strict";
import { loadSinks } from "../../src/commands/adapters.ts";
import { planAlerts, sinksOf } from "../../src/commands/alert_plan.ts";
import { noticeAlert } from "../../src/detection/alert/notice_alert.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { blindAlert } from "../helpers/notices.ts";

const env = {
  SINK_TYPE: "stdout,http,webhook,webhook:chat,slack,teams,email,pagerduty,alertmanager",
  SINK_HTTP_ADDRESS: "http://receiver/",
  SINK_WEBHOOK_URL: "http://receiver/",
  SINK_WEBHOOK_CHAT_URL: "http://receiver/",
  SINK_WEBHOOK_CHAT_FORMAT: "template",
  SINK_WEBHOOK_CHAT_TEMPLATE_FILE: "/etc/chat.liquid",
  SINK_SLACK_WEBHOOK_URL: "http://receiver/",
  SINK_SLACK_ONLY: "prod/*",
  SINK_TEAMS_WEBHOOK_URL: "http://receiver/",
  SINK_TEAMS_EXCEPT: "default",
  SINK_EMAIL_SMTP_URL: "smtp://receiver",
  SINK_EMAIL_FROM: "a@example.com",
  SINK_EMAIL_TO: "b@example.com",
  SINK_PAGERDUTY_ROUTING_KEY: "0".repeat(32),
  SINK_ALERTMANAGER_URLS: "http://receiver/",
};
const people = ["webhook:chat", "slack", "teams", "email", "pagerduty"];

async function accepting() {
  const problems: string[] = [];
  const plan = planAlerts({ flags: {}, env, problems }, "amqp", await loadSinks([], env.SINK_TYPE));
  assert.deepEqual(problems, []);
  // Nothing of the process is used before a sink is opened.
  const sinks = sinksOf(plan!, {} as Parameters<typeof sinksOf>[1]);
  return (alert: Parameters<typeof sinks[0]["accepts"]>[0]) =>
    sinks.filter((sink) => sink.accepts(alert)).map(({ name }) => name);
}

Deno.test("what is about the detector goes to the sinks for people, whatever their filters say, and to no other", async () => {
  const accepts = await accepting();
  assert.deepEqual(accepts(blindAlert("first")), people);
  assert.deepEqual(accepts(blindAlert("resolved")), people);
});

Deno.test("that a sink fails goes to the others", async () => {
  const accepts = await accepting();
  const fails = noticeAlert({
    kind: "sink",
    component: "sink webhook:chat",
    since: 1n,
    problem: "connection refused",
    sent: 0,
    rule: "restarts",
  });
  assert.deepEqual(accepts(fails), people.slice(1));
});

Deno.test("what is about a loop goes where its filters let it", async () => {
  const accepts = await accepting();
  const names = env.SINK_TYPE.split(",");
  assert.deepEqual(accepts(alertAbout()), names.filter((name) => name !== "slack" && name !== "teams"));
});
