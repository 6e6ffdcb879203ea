// The limit of what is in flight.
import assert from "node:assert/strict";
import { Semaphore } from "../../src/lib/semaphore.ts";
import { within } from "../helpers/wait_for.ts";

const never = new AbortController().signal;

/** Notes in `log` when so many permits are free. */
function noteWhenFree(semaphore: Semaphore, count: number, log: number[], stop = never): Promise<void> {
  return semaphore.available(count, stop).then(() => void log.push(count));
}

/** Lets everything run that only waits for promises. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("available() resolves when as many permits are free, overdrawn ones given back first", async () => {
  const semaphore = new Semaphore(2);
  await within("two permits to be free", semaphore.available(2, never));
  semaphore.take(5);
  const log: number[] = [];
  const free = [noteWhenFree(semaphore, 1, log), noteWhenFree(semaphore, 2, log)];
  for (const [released, expected] of [[2, []], [1, []], [1, [1]], [1, [1, 2]]] as const) {
    semaphore.release(released);
    await turn();
    assert.deepEqual(log, expected);
  }
  await Promise.all(free);
});

Deno.test("available() resolves on stop, and at once after it", async () => {
  const semaphore = new Semaphore(1);
  const stop = new AbortController();
  semaphore.take();
  const log: number[] = [];
  const waiting = noteWhenFree(semaphore, 1, log, stop.signal);
  await turn();
  assert.deepEqual(log, []);
  stop.abort();
  await within("it to resolve", waiting);
  await within("it to resolve", noteWhenFree(semaphore, 1, log, stop.signal));
  assert.deepEqual(log, [1, 1]);
});
