// The event stream: what is sent when, and what becomes of clients that do not read.
import assert from "node:assert/strict";
import type { StatusServer } from "../../../src/status/server/server.ts";
import { at, crash, crashes, stop } from "../../helpers/runs.ts";
import { loopsRule, statusServer, Watched } from "../../helpers/status.ts";
import { waitFor } from "../../helpers/wait_for.ts";

interface Event {
  readonly type: string;
  // deno-lint-ignore no-explicit-any -- what a test expects of it, it says itself
  readonly data: any;
  readonly at: number;
}

/** A client that reads. Disposing it ends it. */
class Client implements AsyncDisposable {
  readonly events: Event[] = [];
  comments = 0;
  #reader!: ReadableStreamDefaultReader<Uint8Array>;
  #reading!: Promise<void>;

  static async open(server: StatusServer): Promise<Client> {
    const client = new Client();
    const response = await fetch(`${server.where}api/v1/events`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    client.#reader = response.body!.getReader();
    client.#reading = client.#read();
    await waitFor("the first event", () => client.events.length > 0);
    return client;
  }

  async #read(): Promise<void> {
    const utf8 = new TextDecoder();
    let rest = "";
    for (let bytes; (bytes = (await this.#reader.read()).value) !== undefined;) {
      const blocks = (rest + utf8.decode(bytes, { stream: true })).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) {
        const [, type, data] = /^event: ([\w-]+)\ndata: (.*)$/.exec(block) ?? [];
        if (type !== undefined) this.events.push({ type, data: JSON.parse(data!), at: performance.now() });
        else if (block === ":") this.comments++;
      }
    }
  }

  of(type: string): Event[] {
    return this.events.filter((event) => event.type === type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
    await this.#reading;
  }
}

Deno.test("the stream sends the status, then loops that are new, change and resolve", async () => {
  const watched = new Watched(loopsRule());
  await using server = await statusServer({ watched });
  await using client = await Client.open(server);
  assert.equal(client.events[0]!.type, "status");
  assert.equal(client.events[0]!.data.version, "1.2.3");
  watched.hear(...crashes(2));
  await waitFor("the loop", () => client.of("loop").length === 1);
  assert.deepEqual([client.of("loop")[0]!.data.job, client.of("loop")[0]!.data.count], ["api", 2]);
  watched.hear(...crash(at(60)));
  await waitFor("its change", () => client.of("loop").length === 2);
  assert.equal(client.of("loop")[1]!.data.count, 3);
  watched.hear(...stop(at(100)));
  await waitFor("its resolution", () => client.of("resolved").length === 1);
  assert.equal(client.of("resolved")[0]!.data.status, "resolved");
});

Deno.test("the stream sends a loop at most once a second, as it is then, and the status every five seconds", async () => {
  const watched = new Watched(loopsRule());
  await using server = await statusServer({ watched });
  await using client = await Client.open(server);
  for (let index = 0; index < 300; index++) {
    watched.hear(...crash(at(index)));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await waitFor("the last of them", () => client.of("loop").at(-1)?.data.count === 300);
  const times = client.of("loop").map(({ at }) => at);
  // How fast it is sent is not exact here: a moment may lie between sending and reading.
  for (const [index, time] of times.slice(1).entries()) assert.ok(time - times[index]! > 700);
  await waitFor("the second status", () => client.of("status").length === 2);
  assert.equal(client.comments, 2);
});

Deno.test("the stream sends many loops in portions, and all of them", async () => {
  const watched = new Watched(loopsRule());
  await using server = await statusServer({ watched });
  await using client = await Client.open(server);
  const jobs = Array.from({ length: 700 }, (_, index) => `job${index}`);
  for (const job of jobs) watched.hear(...crashes(2, 0, 20, { job }));
  await waitFor("all loops", () => client.of("loop").length === jobs.length, { timeoutMs: 20_000 });
  assert.equal(new Set(client.of("loop").map(({ data }) => data.job)).size, jobs.length);
});

Deno.test("a client that never reads is dropped at a megabyte pending, and others read on", async () => {
  const watched = new Watched(loopsRule());
  const message = "x".repeat(400);
  await using server = await statusServer({ watched });
  await using reader = await Client.open(server);
  using rude = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(server.where).port) });
  await rude.write(new TextEncoder().encode("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  await waitFor("both clients", () => server.clients === 2);
  // What the kernel takes for a connection that nobody reads is a few megabytes.
  let round = 0;
  await waitFor("the client to be dropped", () => {
    round++;
    for (let index = 0; index < 300; index++) {
      watched.hear(...crash(at(round * 10), { job: `job${index}-${message}` }));
    }
    return server.dropped === 1;
  }, { timeoutMs: 60_000, everyMs: 200 });
  assert.equal(server.clients, 1);
  const before = reader.events.length;
  watched.hear(...crash(at(round * 10 + 5), { job: `job0-${message}` }));
  await waitFor("the other to read on", () => reader.events.length > before);
  const ended = (async () => {
    const buffer = new Uint8Array(1 << 20);
    while (await rude.read(buffer) !== null);
    return true;
  })().catch(() => true);
  assert.ok(await ended, "its connection is closed");
});
