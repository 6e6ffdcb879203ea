// The connections of the status server and their limits, over real sockets.
import assert from "node:assert/strict";
import { defaultLimits, limitsFor } from "../../../src/status/server/connections.ts";
import type { StatusServer } from "../../../src/status/server/server.ts";
import { crashes } from "../../helpers/runs.ts";
import { loopsRule, statusServer, Watched } from "../../helpers/status.ts";
import { waitFor, within } from "../../helpers/wait_for.ts";

/** A client that sends exactly what a test says. */
class Client implements Disposable {
  text = "";
  /** Resolves when the server has closed the connection. */
  closed: Promise<void> = Promise.resolve();
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Opens a client that reads, unless `reads` is false. */
  static async open(server: StatusServer, { reads = true } = {}): Promise<Client> {
    const port = Number(new URL(server.where).port);
    const client = new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
    if (reads) client.read();
    return client;
  }

  read(): void {
    this.closed = (async () => {
      const utf8 = new TextDecoder("latin1");
      const buffer = new Uint8Array(1 << 16);
      for (let count; (count = await this.#connection.read(buffer)) !== null;) {
        this.text += utf8.decode(buffer.subarray(0, count));
      }
    })().catch(() => {});
  }

  async send(text: string): Promise<void> {
    await this.#connection.write(new TextEncoder().encode(text));
  }

  async get(path: string): Promise<void> {
    await this.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  }

  /** The lines that begin its answers. */
  get answers(): string[] {
    return this.text.match(/^HTTP\/1\.1 .*$/gm) ?? [];
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

const usual = { first: 60_000, next: 60_000, unread: 60_000 };

/** A server that has this many loops to show. */
function serverWith(count: number, differing = {}) {
  const watched = new Watched(loopsRule());
  for (let index = 0; index < count; index++) {
    watched.hear(...crashes(2, 0, 20, { job: `job${index}-${"x".repeat(400)}` }));
  }
  return statusServer({ watched, ...differing });
}

Deno.test("limitsFor() leaves half of the descriptors to source, sinks and state", () => {
  const unreadBytes = 32 << 20;
  assert.deepEqual(defaultLimits, { connections: 512, requests: 409, streams: 200, unreadBytes });
  assert.deepEqual(limitsFor(256), { connections: 128, requests: 102, streams: 51, unreadBytes });
  assert.deepEqual(limitsFor(0), { connections: 4, requests: 3, streams: 1, unreadBytes });
});

Deno.test("a connection answers one request after the other", async () => {
  await using server = await statusServer();
  using client = await Client.open(server);
  for (const count of [1, 2, 3]) {
    await client.get("/livez");
    await waitFor(`answer ${count}`, () => client.answers.length === count);
  }
  assert.deepEqual(client.answers, Array(3).fill("HTTP/1.1 200 OK"));
  assert.equal(server.connections, 1);
});

Deno.test("a client that sends no request, half of one, or one bit by bit is closed after its time", async () => {
  await using server = await statusServer({ times: { ...usual, first: 300 } });
  using idle = await Client.open(server);
  using half = await Client.open(server);
  await half.send("GET /livez HTTP/1.1\r\nHos");
  using drip = await Client.open(server);
  await drip.send("GET /livez HTTP/1.1\r\n");
  const dripping = setInterval(() => void drip.send("X: y\r\n").catch(() => {}), 20);
  try {
    await within("all to be closed", Promise.all([idle.closed, half.closed, drip.closed]));
  } finally {
    clearInterval(dripping);
  }
  assert.deepEqual([idle.text, half.text, drip.text], ["", "", ""]);
  assert.equal(server.connections, 0);
});

Deno.test("a client that pauses between two requests is closed after its time, and not before", async () => {
  await using server = await statusServer({ times: { ...usual, first: 100, next: 1_500 } });
  using client = await Client.open(server);
  await client.get("/livez");
  await waitFor("the answer", () => client.answers.length === 1);
  using late = await Client.open(server);
  await within("one that came later and asks nothing", late.closed);
  assert.equal(server.connections, 1, "the first still has time");
  await within("the pause to end", client.closed);
});

Deno.test("a client that does not read is closed after its time, and the response is dropped", async () => {
  await using server = await serverWith(1_000, { times: { ...usual, unread: 500 } });
  using client = await Client.open(server, { reads: false });
  // With four answers that nobody reads, more than the kernel takes for a connection.
  for (const limit of [1_000, 999, 998, 997]) await client.get(`/api/v1/loops?limit=${limit}`);
  await waitFor("answers in flight", () => server.inFlight > 0);
  await waitFor("the connection to be closed", () => server.connections === 0);
  await waitFor("nothing to be in flight", () => server.inFlight === 0);
});

Deno.test("a new connection replaces the one that is idle longest", async () => {
  const limits = { ...defaultLimits, connections: 3 };
  await using server = await statusServer({ limits, times: usual });
  using stream = await Client.open(server);
  await stream.get("/api/v1/events");
  await waitFor("the stream", () => server.clients === 1);
  using oldest = await Client.open(server);
  await waitFor("two", () => server.connections === 2);
  using second = await Client.open(server);
  await waitFor("three", () => server.connections === 3);
  using newest = await Client.open(server);
  await newest.get("/livez");
  await within("the oldest to be closed", oldest.closed);
  await waitFor("the newest to be answered", () => newest.answers.length === 1);
  await second.get("/livez");
  await waitFor("the second to be answered", () => second.answers.length === 1);
  assert.equal(server.clients, 1);
});

Deno.test("a new connection is closed if all others are busy", async () => {
  const limits = { ...defaultLimits, connections: 2 };
  await using server = await statusServer({ limits, times: usual });
  using first = await Client.open(server);
  await first.get("/api/v1/events");
  using second = await Client.open(server);
  await second.get("/api/v1/events");
  await waitFor("both streams", () => server.clients === 2);
  using third = await Client.open(server);
  await within("it to be closed", third.closed);
  assert.equal(server.clients, 2);
});

Deno.test("a client that pipelines five requests is closed", async () => {
  await using server = await statusServer({ times: usual });
  using client = await Client.open(server);
  await client.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5));
  await within("it to be closed", client.closed);
  assert.equal(await (await fetch(`${server.where}livez`)).text(), "ok\n");
});

Deno.test("too many unread bytes are answered with 503, except for health", async () => {
  const limits = { ...defaultLimits, unreadBytes: 4 << 20 };
  await using server = await serverWith(1_000, { limits, times: usual });
  const clients: Client[] = [];
  const ask = async (path: string) => {
    const answer = await fetch(server.where + path);
    return {
      status: answer.status,
      retryAfter: answer.headers.get("retry-after"),
      text: await answer.text(),
    };
  };
  try {
    const later = await waitFor("the limit", async () => {
      const client = await Client.open(server, { reads: false });
      clients.push(client);
      // Each asks for another list, since the same one would be shared.
      for (const offset of [0, 1, 2, 3]) {
        await client.get(`/api/v1/loops?limit=${1_000 - clients.length}&offset=${offset}`);
      }
      const answer = await ask("api/v1/status");
      return answer.status !== 200 && answer;
    }, { timeoutMs: 30_000 });
    assert.deepEqual([later.status, later.retryAfter], [503, "1"]);
    assert.match(later.text, /^\{"error":"\d+ bytes of answers are not read yet; try again later"\}$/);
    assert.ok(server.inFlight < 8 << 20, `${server.inFlight}: the limit and one list`);
    assert.equal((await ask("livez")).status, 200);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  await waitFor("nothing to be in flight", () => server.inFlight === 0);
  assert.equal((await ask("api/v1/status")).status, 200);
});
