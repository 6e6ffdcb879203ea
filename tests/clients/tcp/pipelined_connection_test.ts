// The connection on which requests do not wait for each other: what it writes, and how long it waits for answers.
import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { PipelinedConnection } from "../../../src/clients/tcp/pipelined_connection.ts";
import type { Fault } from "../../../src/lib/errors.ts";
import { haltTimers, happened } from "../../helpers/timers.ts";
import { waitFor } from "../../helpers/wait_for.ts";

interface Given extends AsyncDisposable {
  readonly connection: PipelinedConnection<string>;
  /** What its other side has got so far. */
  readonly received: () => string;
  /** What its other side answers: letters, each an answer. */
  answer(letters: string): void;
  readonly lost: Fault[];
}

/** A connection to a server that answers when it is told to. */
async function given(): Promise<Given> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [peer] = await accepted as [Socket];
  let received = "";
  peer.on("data", (bytes) => received += bytes);
  peer.on("error", () => {});
  const lost: Fault[] = [];
  const decoder = { decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes) };
  return {
    connection: new PipelinedConnection(socket, "server", decoder, (fault) => lost.push(fault)),
    received: () => received,
    answer: (letters) => void peer.write(letters),
    lost,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      peer.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

Deno.test("request() sends texts and bytes in their order, and takes the answers in it", async () => {
  await using peer = await given();
  const { connection } = peer;
  const answers = Promise.all([connection.request("café,"), connection.request(new Uint8Array([44]))]);
  connection.write("end");
  await waitFor("all of it", () => peer.received() === "café,,end");
  peer.answer("ab");
  assert.deepEqual(await answers, ["a", "b"]);
  const text = Promise.all([connection.request("1"), connection.request("2")]);
  await waitFor("texts alone", () => peer.received() === "café,,end12");
  peer.answer("cd");
  assert.deepEqual(await text, ["c", "d"]);
  assert.equal(connection.pending, 0);
  connection.close();
});

Deno.test("request() fails when no answer has come for 10 s, to any request", async () => {
  await using peer = await given();
  const { connection } = peer;
  using timers = haltTimers();
  const first = connection.request("1");
  const second = connection.request("2");
  const failed = assert.rejects(second, { message: "server: no answer within 10 s" });
  await timers.pass(6_000);
  peer.answer("a");
  assert.equal(await first, "a");
  await timers.pass(9_999);
  assert.equal(connection.usable, true);
  await timers.pass(1);
  await failed;
  await happened();
  assert.deepEqual(peer.lost.map(({ message }) => message), ["server: no answer within 10 s"]);
});

Deno.test("a connection without requests waits for nothing", async () => {
  await using peer = await given();
  const { connection } = peer;
  using timers = haltTimers();
  const first = connection.request("1");
  peer.answer("a");
  await first;
  await timers.pass(20_000);
  assert.equal(connection.usable, true);
  connection.close();
});
