// The real program whose RabbitMQ is cut off: people are told that it is blind, once, whatever kills it meanwhile, and that
// it sees again; the monitor is called no more, and again. It takes a minute, as long as a trouble must last.
import assert from "node:assert/strict";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { HttpReceiver } from "../helpers/http_receiver.ts";
import { Program, run } from "../helpers/program.ts";
import { startProxy } from "../helpers/proxy.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";
import { startSlack } from "../helpers/slack.ts";
import { stateFolderOnDisk } from "../helpers/state_files.ts";
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
    /^🟢 The detector sees again after (?:\d+ min )?\d+ s: It lasted since \d\d:\d\d UTC/,
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
  const ignored = await run({ env: { SOURCE_TYPE: "stdin", HEARTBEAT_URL: "http://m/s3cr3tOfTheMonitor" } });
  assert.match(
    ignored.stderr,
    /WARN\S* HEARTBEAT_URL is ignored: files and standard input are read to their end, and not watched/i,
  );
  assert.equal(ignored.code, 0);
  assert.ok(!ignored.stderr.includes("s3cr3t"));
});
