import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { delay } from "../../src/lib/delay.ts";

Deno.test("delay() waits for its time", async () => {
  const never = new AbortController().signal;
  const order: string[] = [];
  const long = delay(20, never).then(() => order.push("long"));
  const short = delay(1, never).then(() => order.push("short"));
  order.push("begun");
  await Promise.all([long, short]);
  assert.deepEqual(order, ["begun", "short", "long"]);
});

Deno.test("delay() ends at the signal, and at once where that came before", async () => {
  const stop = new AbortController();
  let ended = false;
  const waiting = delay(1e9, stop.signal).then(() => ended = true);
  await delay(1, new AbortController().signal);
  assert.equal(ended, false);
  stop.abort();
  await waiting;
  await delay(1e9, stop.signal);
});

Deno.test("delay() waits longer than a timer can, rather than not at all", async () => {
  const stop = new AbortController();
  let ended = false;
  const waiting = delay(2 ** 40, stop.signal).then(() => ended = true);
  await delay(5, new AbortController().signal);
  assert.equal(ended, false);
  stop.abort();
  await waiting;
});

Deno.test("delay() leaves no listener on the signal", async () => {
  const { signal } = new AbortController();
  for (let times = 0; times < 3; times++) await delay(1, signal);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
