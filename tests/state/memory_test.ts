// The store in memory.
import assert from "node:assert/strict";
import { MemoryStore } from "../../src/state/memory.ts";
import { storeContract } from "../contracts/store.ts";
import { alertAbout } from "../helpers/alerts.ts";

storeContract("memory", () => ({
  open: (context) => new MemoryStore(context),
  async [Symbol.asyncDispose]() {},
}));

Deno.test("the store in memory starts with nothing and is not durable", () => {
  const store = new MemoryStore({ sinks: [], newerReplaces: true });
  assert.equal(store.durable, false);
  assert.deepEqual([...store.kept.restarts(), ...store.kept.notified()], []);
});

Deno.test("an update stays for the sink that is slow, also when newer alerts replaced the others", () => {
  const store = new MemoryStore({ sinks: ["fast", "slow"], newerReplaces: true });
  const alerts = [1, 2, 3, 4].map((number) => alertAbout("a", { lastEvent: `{"number":${number}}` }));
  const take = (sink: string) => store.outbox(sink).take()!;
  store.enqueue(alerts[0]!);
  const sending = take("slow");
  take("fast").confirm();
  for (const alert of alerts.slice(1)) store.enqueue(alert);
  assert.deepEqual(take("fast").alert, alerts[3]);
  assert.deepEqual(sending.alert, alerts[0]);
  sending.confirm();
  const last = take("slow");
  assert.deepEqual(last.alert, alerts[3]);
  last.giveBack();
  assert.deepEqual(take("slow").alert, alerts[3]);
});
