// The ledger in memory.
import assert from "node:assert/strict";
import { MemoryLedger } from "../../src/ledgers/memory.ts";
import { ledgerContract } from "../contracts/ledger.ts";

ledgerContract("memory", () => ({
  open: (context) => new MemoryLedger(context),
  async [Symbol.asyncDispose]() {},
}));

Deno.test("the ledger in memory starts with nothing and is not durable", () => {
  const ledger = new MemoryLedger({ sinks: [], newerReplaces: true });
  assert.equal(ledger.durable, false);
  assert.deepEqual([...ledger.kept.restarts(), ...ledger.kept.told()], []);
});
