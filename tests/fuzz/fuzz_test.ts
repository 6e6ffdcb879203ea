// A bounded part of the fuzzing, always the same; `deno task test:fuzz` does more of it, from any seed.
import assert from "node:assert/strict";
import { fuzzDecoder } from "./decoder.ts";
import { fuzzProgram } from "./program.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";

Deno.test("100,000 mutated messages: each is decoded as the slow decoder does it, and none throws", () => {
  const counters = fuzzDecoder(1, 100_000);
  for (const [kind, count] of Object.entries(counters)) assert.ok(count > 10_000, `${count} ${kind}`);
});

Deno.test("5,000 mutated messages, then one of 128 MiB: the program counts or sets aside each of them", async () => {
  await using broker = await startRabbitMq();
  const { messages, events, others, rejected } = await fuzzProgram(broker, 2, 5_000);
  assert.equal(messages, 5_001);
  assert.equal(events + others + rejected, messages);
});
