// By which names a server without a token is asked.
import assert from "node:assert/strict";
import { isLocal, wrongHost } from "../../../src/status/server/host.ts";
import type { StatusServer } from "../../../src/status/server/server.ts";
import { freePort } from "../../helpers/rabbitmq.ts";
import { statusServer } from "../../helpers/status.ts";

const local = [
  "localhost",
  "localhost:9465",
  "LOCALHOST:9465",
  "localhost.",
  "status.localhost:80",
  "127.0.0.1",
  "127.0.0.1:9465",
  "127.1.2.3",
  "[::1]",
  "[::1]:9465",
  "[::ffff:127.0.0.1]:9465",
];
const foreign = [
  "evil.example",
  "evil.example:9465",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "evillocalhost",
  "10.0.0.1:9465",
  "[::2]",
  "[::1].evil.example",
  "localhost:9465:1",
  "localhost@evil.example",
  "",
];

Deno.test("wrongHost() accepts loopback names, and no name", () => {
  for (const host of [undefined, ...local]) assert.equal(wrongHost(host), undefined, host);
});

Deno.test("wrongHost() says what is wrong with another name, and what to do", () => {
  for (const host of foreign) {
    assert.equal(
      wrongHost(host),
      `Host is ${
        JSON.stringify(host)
      }: without LISTEN_TOKEN only localhost, 127.0.0.1 and [::1] are answered; ` +
        "ask by one of these names, or set LISTEN_TOKEN",
    );
  }
});

Deno.test("isLocal() knows the addresses that only this machine can reach", () => {
  for (const hostname of ["127.0.0.1", "127.0.0.53", "localhost", "::1"]) {
    assert.ok(isLocal({ hostname, port: 1 }), hostname);
  }
  for (const hostname of ["0.0.0.0", "::", "10.0.0.1", "status.example"]) {
    assert.ok(!isLocal({ hostname, port: 1 }), hostname);
  }
  assert.ok(isLocal({ path: "/run/detector.sock" }));
});

/** The status of an answer to a request with this `Host`, and its body. */
async function askAs(server: StatusServer, host: string, path = "/api/v1/status", token?: string) {
  const { port } = new URL(server.where);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const head = [`GET ${path} HTTP/1.1`, `Host: ${host}`, "Connection: close"];
  if (token !== undefined) head.push(`Authorization: Bearer ${token}`);
  await connection.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  const answer = await new Response(connection.readable).text();
  return { status: Number(answer.split(" ")[1]), body: answer.slice(answer.indexOf("\r\n\r\n") + 4) };
}

Deno.test("a loopback address without a token rejects a foreign name", async () => {
  await using server = await statusServer();
  for (const path of ["/", "/api/v1/status", "/api/v1/events", "/metrics", "/livez"]) {
    const { status, body } = await askAs(server, "evil.example:9465", path);
    assert.deepEqual([status, JSON.parse(body)], [421, { error: wrongHost("evil.example:9465") }], path);
  }
  for (const host of local) assert.equal((await askAs(server, host)).status, 200, host);
});

Deno.test("with a token, or beyond loopback, every name is accepted", async () => {
  await using guarded = await statusServer({ token: "secret" });
  assert.equal((await askAs(guarded, "status.example", "/api/v1/status", "secret")).status, 200);
  assert.equal((await askAs(guarded, "status.example")).status, 401);
  await using everywhere = await statusServer({ address: { hostname: "0.0.0.0", port: freePort() } });
  assert.equal((await askAs(everywhere, "status.example")).status, 200);
});
