// The retry loop of live sources, over a source that connects and fails as a test says.
import assert from "node:assert/strict";
import { Visibility } from "../../src/detection/visibility.ts";
import { Fault } from "../../src/lib/errors.ts";
import { Health } from "../../src/lib/health.ts";
import {
  type Connection,
  EndedByServer,
  type LiveSource,
  ReconnectingSource,
} from "../../src/sources/reconnecting.ts";
import type { Batch } from "../../src/sources/source.ts";
import { testLog } from "../helpers/log.ts";
import { within } from "../helpers/wait_for.ts";

/** What one call of `connect` leads to: a fault, or a connection with batches of these names and its end. */
type Attempt = Fault | { readonly batches: readonly string[]; readonly end?: Fault | "renewal" };

function batch(name: string): Batch {
  return {
    bodies: [new TextEncoder().encode(name)],
    place: () => name,
    reject: () => {},
    acknowledge: () => {},
  };
}

/** Plays these attempts, the last of which reads until `stop`; returns what was read and what was logged. */
async function play(attempts: readonly Attempt[]) {
  const { log, lines } = testLog();
  const left = [...attempts];
  const names: string[] = [];
  const closed: number[] = [];
  let connections = 0;
  const checkpoints = new Set<unknown>();
  const live: LiveSource = {
    type: "fake",
    connect(_, checkpoint): Promise<Connection> {
      checkpoints.add(checkpoint);
      const attempt = left.shift()!;
      if (attempt instanceof Fault) return Promise.reject(attempt);
      const number = ++connections;
      return Promise.resolve({
        async *batches(stop) {
          for (const name of attempt.batches) yield batch(name);
          if (attempt.end === undefined) {
            await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve()));
          } else if (attempt.end !== "renewal") throw attempt.end;
        },
        [Symbol.asyncDispose]: () => Promise.resolve(void closed.push(number)),
      });
    },
    check: () => Promise.resolve("fine"),
  };
  const context = { log, health: new Health(), visibility: new Visibility() };
  const source = new ReconnectingSource(live, context);
  const checkpoint = new Map([["a", "1"]]);
  const stop = new AbortController();
  let fault: unknown;
  try {
    for await (const { bodies } of source.batches(stop.signal, checkpoint)) {
      names.push(new TextDecoder().decode(bodies[0] as Uint8Array));
      if (names.at(-1) === "last") setImmediate(() => stop.abort());
    }
  } catch (error) {
    fault = error;
  }
  const closedBefore = [...closed];
  await source[Symbol.asyncDispose]();
  assert.deepEqual([...checkpoints], [checkpoint]);
  const said = lines.map((line) => line.replace(/ after \S+$/, ""));
  return { names, lines: said, fault, closedBefore, closed, health: context.health };
}

const last: Attempt = { batches: ["last"] };
const refused = new Fault("refused", "config");

Deno.test("batches() connects again until it works, and after a connection is lost", async () => {
  const lost: Attempt = { batches: ["a"], end: new Fault("lost") };
  const { names, lines, health } = await play([new Fault("down"), new Fault("down"), lost, last]);
  assert.deepEqual(names, ["a", "last"]);
  assert.deepEqual(lines, [
    "warning source fake: down; retrying",
    "info source fake: recovered",
    "warning source fake: lost; retrying",
    "info source fake: recovered",
  ]);
  assert.equal(health.reconnects, 1);
});

Deno.test("batches() renews a connection that ends without a word, and closes the old one first", async () => {
  const { names, lines, closedBefore, closed } = await play([{ batches: ["a"], end: "renewal" }, last]);
  assert.deepEqual(names, ["a", "last"]);
  assert.deepEqual(lines, []);
  // Until the source is disposed, batches of the last connection can be acknowledged.
  assert.deepEqual([closedBefore, closed], [[1], [1, 2]]);
});

Deno.test("batches() throws when settings are wrong: at the first connection, or while one is open", async () => {
  for (const attempts of [[refused], [new Fault("down"), refused], [{ batches: [], end: refused }]]) {
    const { fault } = await play(attempts);
    assert.ok(fault instanceof Fault);
    assert.deepEqual([fault.message, fault.recovery], ["source fake: refused", "config"]);
  }
  const { fault, names } = await play([{ batches: [], end: new Fault("lost") }, refused, last]);
  assert.deepEqual([fault, names], [undefined, ["last"]]);
});

Deno.test("batches() reports why a server ended the connection only if the server still answers", async () => {
  const ended: Attempt = { batches: [], end: new EndedByServer("ended") };
  assert.deepEqual((await play([ended, last])).lines, [
    "warning source fake: ended; retrying",
    "info source fake: recovered",
  ]);
  assert.deepEqual((await play([ended, new Fault("down"), last])).lines, [
    "warning source fake: down; retrying",
    "info source fake: recovered",
  ]);
});

Deno.test("disposing a source that is connecting closes the connection that comes of it", async () => {
  const { log } = testLog();
  const connecting = Promise.withResolvers<Connection>();
  const closed = Promise.withResolvers<void>();
  const live = { type: "fake", connect: () => connecting.promise, check: () => Promise.resolve("") };
  const source = new ReconnectingSource(live, { log });
  const batches = source.batches(new AbortController().signal)[Symbol.asyncIterator]();
  const next = batches.next();
  await source[Symbol.asyncDispose]();
  connecting.resolve({
    batches: () => assert.fail("it is read"),
    [Symbol.asyncDispose]: () => Promise.resolve(closed.resolve()),
  });
  await within("the connection to be closed", closed.promise);
  assert.equal((await next).done, true);
});
