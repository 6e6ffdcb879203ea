// What becomes of a request: an answer, or a fault in words; and how often it is sent.
import assert from "node:assert/strict";
import { HttpClient } from "../../../src/clients/http/client.ts";
import { StandIn } from "../../helpers/stand_in.ts";

Deno.test("send() sends a request once where each has a connection of its own, and the connection breaks", async () => {
  await using server = new StandIn(() => ({ status: 200, body: "ok" }));
  await server.listen();
  using client = new HttpClient({ prefix: "SINK_X", single: true });
  const url = new URL(`http://127.0.0.1:${server.port}/`);
  assert.equal((await client.send({ url, body: "first" }, "there")).text, "ok");
  server.faults.push("cut");
  await assert.rejects(client.send({ url, body: "second" }, "there"), {
    message: "there: the connection broke",
    recovery: "transient",
  });
  assert.deepEqual(server.requests.map(({ body }) => body), ["first", "second"]);
});
