// The real program whose RabbitMQ is cut off: people are told that it is blind, once, whatever kills it meanwhile, and that
// it sees again; the monitor is called no more, and again. It takes a minute, as long as a trouble must last.
import assert from "node:assert/strict";
import { nomadSettings } from "../../src/clients/nomad/settings.ts";
import type { Alert } from "../../src/detection/alert/alert.ts";
import { messageOf } from "../../src/detection/alert/message.ts";
import { RestartsRule } from "../../src/detection/restarts/rule.ts";
import { Visibility } from "../../src/detection/visibility.ts";
import { second } from "../../src/lib/duration.ts";
import { Health } from "../../src/lib/health.ts";
import { readSettings } from "../../src/lib/settings/setting.ts";
import { CommitStats } from "../../src/pipeline/acknowledger.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { OwnAlerts } from "../../src/pipeline/own_alerts.ts";
import { runPipeline } from "../../src/pipeline/pipeline.ts";
import { Troubles } from "../../src/pipeline/troubles.ts";
import { openNomad } from "../../src/sources/nomad/source.ts";
import { defaultTimeouts } from "../../src/sources/nomad/timeouts.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { HttpReceiver } from "../helpers/http_receiver.ts";
import { noopState } from "../helpers/listen.ts";
import { testLog } from "../helpers/log.ts";
import { NomadServer, Recording } from "../helpers/nomad.ts";
import { Program, run } from "../helpers/program.ts";
import { startProxy } from "../helpers/proxy.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";
import { partsOf, TestSink } from "../helpers/sink.ts";
import { startSlack } from "../helpers/slack.ts";
import { stateFolderOnDisk } from "../helpers/state_files.ts";
import { smallDisk } from "../helpers/tmpfs.ts";
import { restarts } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

Deno.test("cut off from RabbitMQ and killed: one message in Slack, which ends, and a heartbeat that stops and begins again", async () => {
  await using broker = await startRabbitMq();
  await using own = await brokerClient(broker.url);
  await own.queue("updates");
  await using proxy = await startProxy(broker.port);
  await using slack = await startSlack(5);
  await using monitor = HttpReceiver.start();
  await using hook = HttpReceiver.start();
  using folder = stateFolderOnDisk();
  const template = `${folder.path}/template.json.liquid`;
  await Deno.writeTextFile(template, '["{{state}}","{{id}}","{{loop}}"]');
  const calls = () => monitor.received.map(({ method, path }) => `${method} ${path}`);
  const env = {
    AMQP_CONNECTION: `amqp://127.0.0.1:${proxy.port}/?heartbeat=2`,
    AMQP_QUEUE: "updates",
    SINK_TYPE: "slack,webhook,stdout",
    SINK_SLACK_TOKEN: slack.token,
    SINK_SLACK_CHANNEL: "#alerts",
    SINK_SLACK_API_URL: slack.apiUrl,
    // What is about the detector passes filters, which are about loops.
    SINK_SLACK_ONLY: "prod/*",
    SINK_WEBHOOK_URL: `http://127.0.0.1:${hook.port}/`,
    SINK_WEBHOOK_FORMAT: "template",
    SINK_WEBHOOK_TEMPLATE_FILE: template,
    STATE: `sqlite:${folder.file}`,
    HEARTBEAT_URL: `http://127.0.0.1:${monitor.port}/ping/s3cr3tOfTheMonitor`,
    HEARTBEAT_FAIL_URL: `http://127.0.0.1:${monitor.port}/ping/s3cr3tOfTheMonitor/fail`,
  };
  {
    await using program = new Program({ env });
    await waitFor("the first heartbeat", () => monitor.received.length === 1);
    assert.deepEqual(calls(), ["GET /ping/s3cr3tOfTheMonitor"]);
    proxy.refuse();
    await proxy.cut();
    await waitFor("a message", () => slack.messages.length === 1, { timeoutMs: 120_000 });
    await waitFor("its fault", () => monitor.received.length === 2);
    assert.equal(calls()[1], "POST /ping/s3cr3tOfTheMonitor/fail");
    assert.match(
      monitor.received[1]!.body,
      /^source amqp: has not worked since \d\d:\d\d UTC: amqp:\/\/127\.0\.0\.1:\d+\/: connect ECONNREFUSED [^\n]*\n$/,
    );
    // What is confirmed, and not yet in the file, would come again by the same id.
    await waitFor("the confirmations in the file", async () => {
      await using store = new SqliteStore(folder.copy(), {
        sinks: ["slack", "webhook"],
        newerReplaces: true,
      });
      return hook.received.length === 1 && store.outbox("slack").size + store.outbox("webhook").size === 0;
    });
    program.signal("SIGKILL");
    await program.exited;
    assert.equal(program.stdout, "");
  }
  const [blind] = slack.messages;
  assert.match(
    blind!.text,
    /^🟠 The detector has been blind since \d\d:\d\d UTC: Source amqp: amqp:\/\/127\.0\.0\.1:\d+\/: connect ECONNREFUSED /,
  );
  await using program = new Program({ env });
  await program.logged("source amqp: ");
  await proxy.accept();
  await waitFor("the end", () => /sees again/.test(slack.messages[0]!.text), { timeoutMs: 60_000 });
  assert.match(
    slack.messages[0]!.text,
    /^🟢 The detector sees again after (?:\d+ min )?\d+ s: It had lasted since \d\d:\d\d UTC/,
  );
  assert.equal(slack.messages[0]!.ts, blind!.ts);
  await waitFor("a heartbeat", () => monitor.received.length === 3);
  assert.deepEqual(calls()[2], "GET /ping/s3cr3tOfTheMonitor");
  // One message, and its end in its thread.
  await waitFor("its reply", () => slack.messages.length === 2);
  assert.deepEqual(slack.messages.map(({ thread }) => thread), [undefined, blind!.ts]);
  await waitFor("the end by the webhook", () => hook.received.length > 1);
  const [begin, ...ends] = hook.received.map(({ body }) => JSON.parse(body));
  assert.deepEqual(begin, ["active", begin[2], begin[2]]);
  assert.deepEqual(ends.map(([state, , loop]) => [state, loop]), [["resolved", begin[2]]]);
  program.signal("SIGTERM");
  assert.equal(await program.exited, 0);
  assert.equal(program.stdout, "");
  assert.equal(monitor.received.length, 3);
});

Deno.test("a disk that is full for a minute: people read it, although the state can keep no alert, and that it is over", async () => {
  await using broker = await startRabbitMq();
  await using own = await brokerClient(broker.url);
  await own.queue("updates");
  await using disk = await smallDisk(1 << 20);
  await using slack = await startSlack(5);
  const file = `${disk.path}/state.db`;
  await using program = new Program({
    env: {
      AMQP_CONNECTION: broker.url,
      AMQP_QUEUE: "updates",
      RESTART_COUNT: "2",
      SINK_TYPE: "slack",
      SINK_SLACK_WEBHOOK_URL: slack.webhookUrl,
      STATE: `sqlite:${file}`,
    },
  });
  await program.logged("source amqp: consumes");
  disk.fill();
  await own.put("updates", restarts(2, { name: "amid" }));
  await program.logged("the disk is full");
  await waitFor("a message", () => slack.messages.length === 1, { timeoutMs: 120_000 });
  const why = `cannot use the state file "${file}": the disk is full; make room`;
  assert.equal(
    slack.messages[0]!.text.replace(/since .*? UTC/, "since 03:12 UTC"),
    `🟠 The detector has been unable to save its state since 03:12 UTC: State: ${why}`,
  );
  disk.free();
  await waitFor("its end, and the alert that waited", () => slack.messages.length === 3);
  const texts = slack.messages.slice(1).map(({ text }) => text).sort();
  assert.match(texts[0]!, /^🟠 amid is crash-looping: 2 restarts since /);
  assert.match(
    texts[1]!,
    /^🟢 The detector saves its state again after (?:\d+ min )?\d+ s: It had lasted since /,
  );
});

Deno.test("check asks the monitor's server for its root, and calls nothing", async () => {
  await using monitor = HttpReceiver.start();
  const where = `http://127.0.0.1:${monitor.port}`;
  const env = { SOURCE_TYPE: "stdin", HEARTBEAT_URL: `${where}/ping/s3cr3tOfTheMonitor` };
  const { code, stdout } = await run({ args: ["check"], env });
  assert.equal(
    stdout.split("\n").at(-2),
    `ok      heartbeat: ${where}: the server answers; whether it takes heartbeats cannot be tried without one`,
  );
  assert.equal(code, 0);
  assert.deepEqual(monitor.paths, ["HEAD /"]);
});

Deno.test("a URL of failures alone is refused, and a heartbeat of standard input is ignored with a warning", async () => {
  const alone = await run({
    args: ["check"],
    env: { SOURCE_TYPE: "stdin", HEARTBEAT_FAIL_URL: "http://m/fail" },
  });
  assert.equal(alone.code, 1);
  assert.equal(
    alone.stderr.split("\n")[0],
    "HEARTBEAT_FAIL_URL (--heartbeat-fail-url): found without HEARTBEAT_URL (--heartbeat-url); give both",
  );
  const wrong = await run({
    args: ["check"],
    env: { SOURCE_TYPE: "stdin", HEARTBEAT_URL: "ftp://m/s3cr3t" },
  });
  assert.equal(
    wrong.stderr,
    "HEARTBEAT_URL (--heartbeat-url): found a value that is not shown here, a URL of ftp:; expected a URL that " +
      "begins with https:// or http://, such as https://hc-ping.com/3f9c…\n",
  );
  const ignored = await run({ env: { SOURCE_TYPE: "stdin", HEARTBEAT_URL: "http://m/s3cr3tOfTheMonitor" } });
  assert.match(
    ignored.stderr,
    /WARN\S* HEARTBEAT_URL is ignored: files and standard input are read to their end, and not watched/i,
  );
  assert.equal(ignored.code, 0);
  assert.ok(!ignored.stderr.includes("s3cr3t"));
});

/** A sink that keeps what people would read. */
class Reader extends TestSink {
  readonly read: string[] = [];

  override send(alert: Alert): Promise<void> {
    const { title, reason } = messageOf(alert);
    this.read.push(`${title}: ${reason}`.replaceAll(/\d\d:\d\d UTC/g, "03:12 UTC"));
    return Promise.resolve();
  }
}

Deno.test("Nomad refuses the token from one moment on: people read that, and that the detector sees again", async () => {
  const lines = [1, 2].map((index) => JSON.stringify({ Index: index, Events: [] }));
  await using server = await NomadServer.start({ recording: Recording.of(lines), lines: 1, token: "good" });
  await using proxy = await startProxy(Number(new URL(server.address).port));
  const address = `http://127.0.0.1:${proxy.port}`;
  const settings = readSettings(nomadSettings, {
    flags: {},
    env: { NOMAD_ADDR: address, NOMAD_TOKEN: "good" },
    problems: [],
  })!;
  const { log } = testLog();
  const [health, visibility, commits] = [new Health(), new Visibility("blind"), new CommitStats()];
  const timeouts = { ...defaultTimeouts, idle: 1000, catchUp: 50, heartbeat: 800, settle: 100 };
  const context = {
    log,
    health,
    visibility,
    files: [],
    restartsOnly: true,
    stdin: new Blob([]).stream(),
  };
  await using source = openNomad(settings, context, timeouts);
  const reader = new Reader("slack");
  const store = new MemoryStore({ sinks: ["slack"], newerReplaces: true });
  await using delivery = new Delivery([reader], partsOf(store), log);
  const parts = {
    source: { type: "nomad", health },
    visibility,
    state: commits.health,
    sinks: delivery.stats,
  };
  using troubles = new Troubles(parts);
  using ownAlerts = new OwnAlerts({
    troubles,
    store,
    delivery,
    accepts: () => true,
    log,
    interval: 3600n * second,
    rule: "restarts",
    after: second / 2n,
  });
  const thresholds = { restartCount: 5, restartInterval: 300n * second, notificationInterval: 300n * second };
  const rule = new RestartsRule({ ...thresholds, ignoreRequested: false, notifyResolved: true }, noopState);
  await delivery.start();
  const stop = new AbortController();
  const end = runPipeline(
    { source, rule, store, delivery, log, health, visibility, commits, ownAlerts },
    stop.signal,
  );
  await waitFor("sight", () => !visibility.isBlind);
  server.token = "another";
  await proxy.cut();
  await waitFor("an alert", () => reader.read.length === 1);
  server.token = "good";
  await waitFor("its end", () => reader.read.length === 2);
  assert.match(
    reader.read[0]!,
    /^The detector has been blind since 03:12 UTC: Source nomad: http:\/\/127\.0\.0\.1:\d+ refused the token: ACL token not found; set NOMAD_TOKEN /,
  );
  assert.match(
    reader.read[1]!,
    /^The detector sees again after [0-9.]+ m?s: It had lasted since 03:12 UTC; the problem was: source nomad: http:\/\/127\.0\.0\.1:\d+ refused the token/,
  );
  stop.abort();
  await end;
});
