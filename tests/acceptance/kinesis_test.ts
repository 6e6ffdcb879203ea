// The program with the sink kinesis at a Kinesis server: what arrives, and what it says when something is wrong.
import assert from "node:assert/strict";
import { awsEnv } from "../helpers/aws.ts";
import { type Kinesis, type KinesisHand, kinesisHand, startKinesis } from "../helpers/kinesis.ts";
import { type End, Program, run } from "../helpers/program.ts";
import { restarts } from "../helpers/updates.ts";

let server: Kinesis;
let own: KinesisHand;
Deno.test.beforeAll(async () => {
  server = await startKinesis();
  own = kinesisHand(server.url);
});
Deno.test.afterAll(async () => {
  await own[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** The environment of a program that sends to a stream. */
function env(stream: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    ...awsEnv(server.url),
    SOURCE_TYPE: "stdin",
    RESTART_COUNT: "2",
    SINK_TYPE: "kinesis",
    SINK_KINESIS_STREAM_NAME: stream,
    SINK_KINESIS_PARTITION_KEY: "nomad",
    ...more,
  };
}

/** Updates of three crash loops. */
const threeLoops = ["a.b[0]", "caf\u00e9.web[1]", "c.d[2]"].flatMap((name) => restarts(2, { name })).join(
  "\n",
);

Deno.test("three alerts are put, and are equal to what stdout prints", async () => {
  await own.create("three");
  const { code, stdout, stderr } = await run({
    env: env("three", { SINK_TYPE: "kinesis,stdout" }),
    stdin: threeLoops,
  });
  assert.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 3);
  const records = await own.records("three");
  assert.deepEqual(records.map(({ data }) => data).toSorted(), lines.toSorted());
  assert.deepEqual(records.map(({ partitionKey }) => partitionKey), ["nomad", "nomad", "nomad"]);
});

Deno.test("stream missing: said once, and the alerts arrive when it is there", async () => {
  await using program = new Program({ env: env("later"), stdin: threeLoops });
  await program.logged(
    'warning sink kinesis: stream "later" does not exist; create it; retrying\n',
  );
  await own.create("later");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /info sink kinesis: recovered after /);
  assert.equal(stderr.match(/does not exist/g)?.length, 1, stderr);
  assert.equal((await own.records("later")).length, 3);
});

/** What the program prints, without times. */
function said({ code, stdout, stderr }: End): { code: number; stdout: string; stderr: string } {
  return { code, stdout, stderr: stderr.replaceAll(/^\S+Z /gm, "") };
}

Deno.test("no region: one line that says what to set, exit 1", async () => {
  const { AWS_REGION: _, ...rest } = env("any");
  assert.deepEqual(said(await run({ env: rest, stdin: threeLoops })), {
    code: 1,
    stdout: "",
    stderr: "error sink kinesis: no AWS region; set AWS_REGION\n",
  });
});

Deno.test("no credentials: said once with what to set, and the alert is kept until the program is stopped", async () => {
  const { AWS_ACCESS_KEY_ID: _, ...rest } = env("any", { SHUTDOWN_TIMEOUT: "100ms" });
  await using program = new Program({ env: rest, stdin: threeLoops });
  await program.logged(
    "warning sink kinesis: no AWS credentials: Could not load credentials from any providers; " +
      "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile; retrying\n",
  );
  await program.logged("c.d[2]: crash loop");
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 1);
  assert.match(stderr, /Shutdown timed out after 100ms with 3 unconfirmed alerts;/);
  assert.ok(!stderr.includes("hunter2"));
});

Deno.test("check says what it found of the stream, and puts nothing", async () => {
  await own.create("checked");
  const found = (sink: string) => `ok      source: reads standard input\n${sink}\n`;
  assert.deepEqual(said(await run({ args: ["check"], env: env("checked") })), {
    code: 0,
    stdout: found('ok      sink kinesis: stream "checked": reachable'),
    stderr: "",
  });
  assert.deepEqual(await own.records("checked"), []);
  assert.deepEqual(said(await run({ args: ["check"], env: env("nosuch") })), {
    code: 1,
    stdout: found('failed  sink kinesis: stream "nosuch" does not exist; create it'),
    stderr: "",
  });
});
