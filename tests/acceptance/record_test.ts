// The command `record` against a real RabbitMQ and a server of Nomad's: it disturbs nobody, and what it wrote is
// replayed as it was detected.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { brokerClient } from "../helpers/amqp.ts";
import { NomadServer, Recording } from "../helpers/nomad.ts";
import { Program, run } from "../helpers/program.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { temporaryFolder } from "../helpers/ran.ts";
import { smallDisk } from "../helpers/tmpfs.ts";
import { waitFor } from "../helpers/wait_for.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const fixture = new URL("../fixtures/firehose.ndjson.gz", import.meta.url);

/** The messages of the recording, as if they had come in the last minutes. */
function messages(): string[] {
  const text = gunzipSync(Deno.readFileSync(fixture)).toString();
  const newest = Math.max(...[...text.matchAll(/"Time":(\d{10})\d{9}\b/g)].map(([, time]) => Number(time)));
  const later = Math.floor(Date.now() / 1000) - newest;
  const shifted = text.replaceAll(
    /"Time":(\d{10})(\d{9})\b/g,
    (_, time, rest) => `"Time":${Number(time) + later}${rest}`,
  );
  return shifted.trimEnd().split("\n");
}

const linesOf = (path: string) => {
  const found = Deno.readFileSync(path);
  return gunzipSync(found, { finishFlush: 2 }).toString().split("\n").slice(0, -1);
};

Deno.test("record has a queue of its own: the detector's gets and loses nothing, and the replay reports what it notified", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/updates.ndjson.gz`;
  await using own = await brokerClient(broker.url);
  await own.channel.assertExchange("nomad", "topic", { durable: true });
  await own.queue("updates");
  await own.channel.bindQueue("updates", "nomad", "allocations");
  const thresholds = { RESTART_INTERVAL: "1h", NOTIFICATION_INTERVAL: "1h" };
  const env = { AMQP_CONNECTION: broker.url, ...thresholds };
  await using detector = new Program({ env: { ...env, AMQP_QUEUE: "updates" } });
  await detector.logged("source amqp: consumes updates");
  await using recorder = new Program({ args: ["record", "--to", path], env });
  await recorder.logged("source amqp: consumes a temporary queue at the exchange nomad");

  const sent = messages();
  const pretty = JSON.stringify(JSON.parse('{"Name":"a","TaskEvent":{"Type":"x","Time":1}}'), null, 2);
  await own.publish("nomad", "allocations", [...sent, "broken", pretty]);
  await own.publish("nomad", "elsewhere", ["{}"]);
  await detector.logged("Rejected message");
  await recorder.logged("message 1799 of a temporary queue at the exchange nomad: not JSON: broken");
  // It is on disk although nobody asked.
  await waitFor("all lines", () => linesOf(path).length === sent.length + 1);
  assert.match(await broker.ctl("list_queues", "name"), /amq\.gen/);

  recorder.signal("SIGTERM");
  const recorded = await recorder.ended;
  assert.equal(recorded.code, 0, recorded.stderr);
  assert.match(recorded.stderr, / info Recorded 1799 messages, [\d.]+ kB; files written: 1; rejected: 1\n$/);
  assert.deepEqual(linesOf(path), [...sent, '{"Name": "a","TaskEvent": {"Type": "x","Time": 1}}']);
  await waitFor(
    "the recorder's queue to be gone",
    async () => !/amq\.gen/.test(await broker.ctl("list_queues", "name")),
  );

  await waitFor("the detector's alerts", () => detector.lines.length >= 11);
  detector.signal("SIGTERM");
  const { code, stdout, stderr } = await detector.ended;
  assert.equal(code, 0);
  assert.match(stderr, / 1800 messages: 293 restarts, .*; 1 rejected\. 11 alerts\n$/);
  const replayed = await run({ args: ["replay", "--json", path], env: thresholds });
  const { notified, counted, lines } = JSON.parse(replayed.stdout);
  assert.deepEqual([lines, counted], [1799, 293]);
  const names = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).LastEvent.Name);
  assert.deepEqual(notified.map(({ name }: { name: string }) => name).sort(), names.sort());
});

Deno.test("record of an exchange that does not exist: one clear line, exit 1", async () => {
  using folder = temporaryFolder();
  const args = ["record", "--to", `${folder.path}/a.ndjson`, "--amqp-exchange", "nosuch"];
  const { code, stderr } = await run({ args, env: { AMQP_CONNECTION: broker.url } });
  assert.equal(code, 1);
  const where = broker.url.replace("guest:guest", "guest:***");
  const [line] = stderr.split("\n");
  assert.equal(
    line!.replace(/^\S+ /, ""),
    `error source amqp: exchange "nosuch" does not exist at ${where}; name that to which nomad-firehose publishes ` +
      "with AMQP_EXCHANGE (--amqp-exchange)",
  );
});

const stream = Recording.load("event-stream.ndjson.gz");
const node = "ca601765-3a7d-9af1-54b2-ee5a37ccffd8";

Deno.test("record from Nomad writes updates, with the types of jobs; the replay finds what the source nomad finds", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/updates.ndjson.gz`;
  await using server = await NomadServer.start({ recording: stream, lines: 0 });
  await using recorder = new Program({ args: ["record", "--to", path], env: { NOMAD_ADDR: server.address } });
  await recorder.logged("source nomad: following");
  server.allow(Infinity);
  const events = stream.events().size;
  await waitFor("every event to be on disk", () => linesOf(path).length >= events, { timeoutMs: 60_000 });
  recorder.signal("SIGINT");
  const { code, stderr } = await recorder.ended;
  assert.equal(code, 0, stderr);
  const { stdout } = await run({ args: ["replay", "--json", "--restart-count", "3", path] });
  const { notified, rule, malformed } = JSON.parse(stdout);
  assert.deepEqual([rule.type, malformed], ["failures", 0]);
  const straight = await run({
    args: [
      "replay",
      "--json",
      "--restart-count",
      "3",
      new URL("../fixtures/event-stream.ndjson.gz", import.meta.url).pathname,
    ],
  });
  const namesOf = (rows: { name: string; notifications: number }[]) =>
    rows.map(({ name, notifications }) => `${name} ${notifications}`).sort();
  assert.deepEqual(
    namesOf(notified),
    namesOf(JSON.parse(straight.stdout).notified).map((line) =>
      line.replace("system-loop.sys[0]/agent", `system-loop.sys[0]/agent@${node}`)
    ),
  );
});

Deno.test("record that is killed: what was on disk is replayed, with a word", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/updates.ndjson.gz`;
  await using server = await NomadServer.start({ recording: stream, lines: 300 });
  await using recorder = new Program({ args: ["record", "--to", path], env: { NOMAD_ADDR: server.address } });
  const count = stream.events(300).size;
  await waitFor("lines on disk", () => {
    try {
      return linesOf(path).length >= count;
    } catch {
      return false; // nothing yet
    }
  }, { timeoutMs: 30_000 });
  recorder.signal("SIGKILL");
  await recorder.ended;
  const { code, stdout, stderr } = await run({ args: ["replay", "--json", path] });
  assert.equal(code, 0);
  assert.ok(JSON.parse(stdout).lines >= count);
  assert.equal(
    stderr.replace(/^\S+ /, ""),
    `warning "${path}": its gzip is cut short; it is replayed up to there\n`,
  );
});

Deno.test("record on a disk that is full ends with 1, one clear line, and whole lines in the file", async () => {
  await using disk = await smallDisk(1 << 20);
  const path = `${disk.path}/a.ndjson`;
  const { code, stderr } = await run({ args: ["record", "--to", path, fixture.pathname] });
  assert.equal(code, 1);
  const [error, totals] = stderr.split("\n").map((line) => line.replace(/^\S+ /, ""));
  assert.equal(
    error,
    `error cannot write "${path}": No space left on device (os error 28); what was recorded before is kept`,
  );
  assert.match(totals!, /^info Recorded \d+ messages, [\d.]+ kB; files written: 1; rejected: 0$/);
  const replayed = await run({ args: ["replay", "--json", path] });
  assert.equal(replayed.stderr, "");
  assert.ok(JSON.parse(replayed.stdout).lines > 500);
});
