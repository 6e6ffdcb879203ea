// Which source the settings and the arguments choose.
import assert from "node:assert/strict";
import { chooseSource, loadSinks, sinkChoice, sinks } from "../../src/commands/adapters.ts";

function chosen(env: Record<string, string>, files: string[] = [], flags: Record<string, string> = {}) {
  return chooseSource({ env, flags, problems: [] }, files)?.type;
}

Deno.test("chooseSource() takes the named source, else files, else the first that is configured", async () => {
  const secrets = await Deno.makeTempDir();
  try {
    assert.equal(chosen({}), undefined);
    assert.equal(chosen({ AMQP_QUEUE: "in", NOMAD_ADDR: "http://nomad:4646" }), "amqp");
    assert.equal(chosen({ AMQP_CONNECTION: "amqp://rabbit/" }), "amqp");
    assert.equal(chosen({ AMQP_CONNECTION_FILE: "/run/amqp" }), "amqp");
    assert.equal(chosen({}, [], { "--amqp-queue": "in" }), "amqp");
    assert.equal(chosen({ NOMAD_ADDR: "http://nomad:4646" }), "nomad");
    assert.equal(chosen({ NOMAD_ADDR_FILE: "/run/nomad" }), "nomad");
    assert.equal(chosen({ NOMAD_SECRETS_DIR: secrets }), undefined);
    await Deno.writeTextFile(`${secrets}/api.sock`, "");
    assert.equal(chosen({ NOMAD_SECRETS_DIR: secrets }), "nomad");
    assert.equal(chosen({ AMQP_QUEUE: "in" }, ["updates.ndjson"]), "stdin");
    assert.equal(chosen({ AMQP_QUEUE: "in", SOURCE_TYPE: "nomad" }), "nomad");
  } finally {
    await Deno.remove(secrets, { recursive: true });
  }
});

Deno.test("SINK_TYPE takes several sinks in any case, each once, and names of their own", () => {
  const typesOf = (text: string) => sinkChoice.sinks.parse(text);
  assert.deepEqual(typesOf("stdout"), ["stdout"]);
  assert.deepEqual(typesOf("SQS, stdout,sqs"), ["sqs", "stdout"]);
  assert.deepEqual(typesOf("amqp,rabbitmq"), ["amqp"]);
  assert.deepEqual(typesOf("webhook,webhook:audit,webhook:on-call"), [
    "webhook",
    "webhook:audit",
    "webhook:on-call",
  ]);
  for (const wrong of ["", "stdout,", "stdout,carrier-pigeon", "webhook:", "webhook:1st", "webhook:a b"]) {
    assert.throws(() => typesOf(wrong), { message: "" }, wrong);
  }
});

Deno.test("loadSinks() loads the chosen sinks alone without arguments, else every type and those with names too", async () => {
  const typesOf = async (args: string[], variable?: string) =>
    (await loadSinks(args, variable)).map(({ type }) => type);
  assert.deepEqual(await typesOf([]), ["stdout"]);
  assert.deepEqual(await typesOf([], ""), ["stdout"]);
  assert.deepEqual(await typesOf([], "rabbitmq,sqs:prod"), ["amqp", "sqs:prod"]);
  assert.deepEqual(await typesOf([], "carrier-pigeon"), []);
  const all = sinks.map(({ type }) => type);
  assert.deepEqual(await typesOf(["--help"]), all);
  assert.deepEqual(await typesOf(["--sink-type", "sqs:a", "--sink-type=sqs:b"], "sqs:c"), [...all, "sqs:b"]);
  assert.deepEqual(await typesOf(["check"], "stdout,sqs:c"), [...all, "sqs:c"]);
});

Deno.test("the table of sinks names each as its adapter does", async () => {
  for (const { type, load } of sinks) assert.equal((await load()).type, type);
});
