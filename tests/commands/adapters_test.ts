// Which source the settings and the arguments choose.
import assert from "node:assert/strict";
import { chooseSource } from "../../src/commands/adapters.ts";

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
