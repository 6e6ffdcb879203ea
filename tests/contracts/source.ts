// What every source must do, whatever it is: run by sources_test.ts over each of them.
import assert from "node:assert/strict";
import type { Batch, Source } from "../../src/sources/source.ts";
import { waitFor, within } from "../helpers/wait_for.ts";

/** A source and its sender, set up for one test. */
export interface SourceCase extends AsyncDisposable {
  readonly source: Source;
  /** Sends messages, which the source yields sooner or later. */
  put(messages: readonly string[]): Promise<void>;
  /** Most messages that may be unacknowledged, of such as are sent one by one. */
  readonly most: number;
}

/** Declares the tests of a source. */
export function sourceContract(type: string, setUp: () => Promise<SourceCase>): void {
  const test = (name: string, run: (given: SourceCase) => Promise<void>) =>
    Deno.test(`the source ${type}: ${name}`, async () => {
      await using given = await setUp();
      await run(given);
    });

  test("it yields every message once, in order, and ends on stop", async ({ source, put }) => {
    await using reading = new Reading(source);
    const messages = numbered(0, 300);
    for (let from = 0; from < messages.length; from += 100) await put(messages.slice(from, from + 100));
    await reading.has(messages);
    await reading.stop();
    assert.deepEqual(reading.messages, messages);
  });

  test("it says where each message stands, each elsewhere", async ({ source, put }) => {
    await using reading = new Reading(source);
    await put(numbered(0, 20));
    await reading.has(numbered(0, 20));
    const places = reading.batches.flatMap(({ bodies, place }) => bodies.map((_, index) => place(index)));
    for (const place of places) assert.match(place, /^(line|message) \d+/);
    assert.equal(new Set(places).size, 20);
  });

  test("it yields no more than may be unacknowledged, and goes on when some are", async (given) => {
    await using reading = new Reading(given.source, "keeps");
    const messages = numbered(0, 3 * given.most);
    for (const message of messages) await given.put([message]);
    await reading.has(messages.slice(0, given.most));
    assert.equal(await reading.more(given.most), false);
    for (const batch of reading.batches.slice()) batch.acknowledge();
    await reading.has(messages.slice(0, 2 * given.most));
  });

  test("it ends on stop while messages are unacknowledged, which may be acknowledged later", async (given) => {
    await using reading = new Reading(given.source, "keeps");
    await given.put(numbered(0, 5));
    await reading.has(numbered(0, 5));
    await reading.stop();
    for (const batch of reading.batches) batch.acknowledge();
  });

  test("check() says what it found, and takes nothing", async ({ source, put }) => {
    await put(["a"]);
    assert.match(await source.check(), /^\S.*\S$/);
    await source.check();
    await using reading = new Reading(source);
    await reading.has(["a"]);
  });

  test("it yields nothing where stop came before", async ({ source, put }) => {
    await put(["a"]);
    for await (const _ of source.batches(AbortSignal.abort())) assert.fail("there is a batch");
  });
}

/** Messages of these numbers. */
export function numbered(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `message ${from + index}`);
}

/** A source being read. */
export class Reading implements AsyncDisposable {
  readonly batches: Batch[] = [];
  readonly #stop = new AbortController();
  readonly #end: Promise<void>;

  constructor(source: Source, then: "acknowledges" | "keeps" = "acknowledges") {
    this.#end = this.#read(source, then);
    this.#end.catch(() => {});
  }

  async #read(source: Source, then: "acknowledges" | "keeps"): Promise<void> {
    for await (const batch of source.batches(this.#stop.signal)) {
      this.batches.push(batch);
      if (then === "acknowledges") batch.acknowledge();
    }
  }

  get messages(): string[] {
    return this.batches.flatMap(({ bodies }) =>
      bodies.map((body) =>
        body instanceof Uint8Array ? new TextDecoder().decode(body) : assert.fail("skipped")
      )
    );
  }

  /** Resolves when it has read these and no others. */
  async has(messages: readonly string[]): Promise<void> {
    await waitFor(`${messages.length} messages`, () => this.messages.length >= messages.length);
    assert.deepEqual(this.messages, messages);
  }

  /** Whether there are more than so many messages after a moment. */
  async more(than: number): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return this.messages.length > than;
  }

  /** Resolves when it has ended; it must do so soon. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await within("the source to end", this.#end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#end;
  }
}
