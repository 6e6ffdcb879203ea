// Listeners: who is called, and who no longer.
import assert from "node:assert/strict";
import { Listeners } from "../../src/lib/listeners.ts";

Deno.test("call() calls every listener with its arguments, in the order in which they were added", () => {
  const calls: string[] = [];
  const listeners = new Listeners<[key: string, count: number]>();
  listeners.call("nobody", 0);
  listeners.add((key, count) => calls.push(`first ${key} ${count}`));
  listeners.add((key) => calls.push(`second ${key}`));
  listeners.call("a", 1);
  assert.deepEqual(calls, ["first a 1", "second a"]);
});

Deno.test("a listener that was disposed is not called, also where it was added twice", () => {
  let calls = 0;
  const listener = () => void calls++;
  const listeners = new Listeners();
  const first = listeners.add(listener);
  listeners.add(listener);
  listeners.call();
  assert.equal(calls, 2);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  listeners.call();
  assert.equal(calls, 3);
});
