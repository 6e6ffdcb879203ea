// The contract of sources, over all of them; and what only a source that can give messages back must do.
import assert from "node:assert/strict";
import { openLog } from "../../src/lib/log.ts";
import type { SourceContext } from "../../src/sources/source.ts";
import { amqpSource } from "../../src/sources/amqp/source.ts";
import { stdinSource } from "../../src/sources/stdin/source.ts";
import { type BrokerClient, brokerClient } from "../helpers/amqp.ts";
import { type RabbitMq, startRabbitMq } from "../helpers/rabbitmq.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { numbered, Reading, type SourceCase, sourceContract } from "./source.ts";

let broker: RabbitMq;
Deno.test.beforeAll(async () => {
  broker = await startRabbitMq();
});
Deno.test.afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const context = (stdin: ReadableStream<Uint8Array>): SourceContext => ({
  log: openLog("error", "text", () => {}),
  restartsOnly: false,
  files: [],
  stdin,
});

sourceContract("stdin", () => {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const stdin = new ReadableStream<Uint8Array>({ start: (own) => void (controller = own) });
  const source = stdinSource.prepare({ flags: {}, env: {}, problems: [] })!(context(stdin));
  return Promise.resolve({
    source,
    most: 16,
    put(messages) {
      controller.enqueue(new TextEncoder().encode(messages.map((message) => `${message}\n`).join("")));
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  });
});

async function amqpCase(): Promise<SourceCase & { own: BrokerClient }> {
  await using parts = new AsyncDisposableStack();
  const own = parts.use(await brokerClient(broker.url));
  await own.queue("updates");
  const env = { AMQP_CONNECTION: broker.url, AMQP_QUEUE: "updates", AMQP_PREFETCH: "16" };
  const open = amqpSource.prepare({ flags: {}, env, problems: [] })!;
  const source = parts.use(open(context(new Blob([]).stream())));
  const opened = parts.move();
  return {
    source,
    own,
    most: 16,
    put: (messages) => own.put("updates", messages),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

sourceContract("amqp", amqpCase);

Deno.test("the source amqp: what is acknowledged or rejected does not come again, all else does", async () => {
  await using given = await amqpCase();
  const { own, source } = given;
  await using reading = new Reading(source, "keeps");
  await own.put("updates", numbered(0, 8));
  await reading.has(numbered(0, 8));
  await own.put("updates", numbered(8, 8));
  await reading.has(numbered(0, 16));
  await reading.stop();
  const [first] = reading.batches;
  first!.reject(0);
  first!.acknowledge();
  await source[Symbol.asyncDispose]();
  const count = 16 - first!.bodies.length;
  await waitFor("the others to be back", async () => await own.ready("updates") === count);
  const back = await own.take("updates", count);
  assert.deepEqual(back.map(({ content }) => content.toString()), numbered(16 - count, count));
});
