// Mutated messages through the running program: each is counted or rejected, and the sums are those of what was sent.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { decode } from "../../src/detection/decode/update.ts";
import { Publisher } from "../chaos/publisher.ts";
import { brokerClient } from "../helpers/amqp.ts";
import { Program } from "../helpers/program.ts";
import type { RabbitMq } from "../helpers/rabbitmq.ts";
import { type Totals, totalsOf } from "../helpers/totals.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { hugeMessage, mutated } from "./mutations.ts";

const queues = { updates: "fuzz.updates", dead: "fuzz.dead" };

/** Sends so many mutated messages, and a huge one, through the program. Throws if it does not account for each. */
export async function fuzzProgram(broker: RabbitMq, seed: number, count: number): Promise<Totals> {
  await declareQueues(broker);
  const directory = Deno.makeTempDirSync({ prefix: "fuzz-" });
  try {
    await using program = new Program({
      env: {
        AMQP_CONNECTION: broker.url,
        AMQP_QUEUE: queues.updates,
        RESTART_COUNT: "1",
        RESTART_INTERVAL: "2000000h", // what was recorded long ago counts
        STATE: `sqlite:${directory}/state.db`,
      },
    });
    const expected = new Expected();
    await new Publisher(broker.url, queues.updates, Infinity).publish(expected.sent(seed, count));
    await drained(broker, program);
    program.signal("SIGTERM");
    const { code, stdout, stderr } = await program.ended;
    assert.equal(code, 0, stderr.slice(-2000));
    const totals = totalsOf(stderr);
    assert.deepEqual(
      { messages: totals.messages, events: totals.events, others: totals.others, rejected: totals.rejected },
      expected.totals,
    );
    assertAlerts(stdout, totals.alerts);
    await expected.compareDead(broker);
    return totals;
  } catch (error) {
    throw new Error(`with seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What must become of the messages, as they are sent. The decoder has been compared with the slow one. */
class Expected {
  readonly totals = { messages: 0, events: 0, others: 0, rejected: 0 };
  /** How often each message is to be rejected, by its hash. */
  readonly #rejections = new Map<string, number>();

  *sent(seed: number, count: number): Iterable<Uint8Array> {
    for (let index = 0; index < count; index++) yield this.#expect(mutated(seed, index));
    yield this.#expect(hugeMessage());
  }

  async compareDead(broker: RabbitMq): Promise<void> {
    await using own = await brokerClient(broker.url);
    await waitFor("all dead letters", async () => await own.ready(queues.dead) >= this.totals.rejected);
    assert.equal(await own.ready(queues.dead), this.totals.rejected, "messages in the dead-letter queue");
    for (const { content } of await own.takeAll(queues.dead)) {
      const hash = hashOf(content);
      const left = this.#rejections.get(hash) ?? 0;
      assert.ok(left > 0, `rejected, but not to be: ${content.subarray(0, 2000)}`);
      this.#rejections.set(hash, left - 1);
    }
  }

  #expect(body: Uint8Array): Uint8Array {
    this.totals.messages++;
    switch (decode(body).kind) {
      case "restart":
        this.totals.events++;
        break;
      case "other":
        this.totals.others++;
        break;
      case "malformed": {
        this.totals.rejected++;
        const hash = hashOf(body);
        this.#rejections.set(hash, (this.#rejections.get(hash) ?? 0) + 1);
      }
    }
    return body;
  }
}

function hashOf(body: Uint8Array): string {
  return createHash("sha1").update(body).digest("base64");
}

/** Every alert is one line of JSON without a character that a terminal would obey. */
function assertAlerts(stdout: string, count: number): void {
  const lines = stdout.split("\n").slice(0, -1);
  assert.equal(lines.length, count, "alerts on stdout");
  for (const line of lines) {
    assert.doesNotMatch(line, obeyed);
    assert.equal(typeof JSON.parse(line).LastEvent.Name, "string");
  }
}

/** Tabs are none of them: JSON has them between its tokens only. */
// deno-lint-ignore no-control-regex -- control characters are what must not be there
const obeyed = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

async function declareQueues(broker: RabbitMq): Promise<void> {
  await using own = await brokerClient(broker.url);
  await own.queue(queues.dead);
  await own.queue(queues.updates, {
    arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queues.dead },
  });
}

async function drained(broker: RabbitMq, program: Program): Promise<void> {
  let end: { code: number; stderr: string } | undefined;
  program.ended.then((ended) => end = ended);
  await using own = await brokerClient(broker.url);
  await waitFor("the queue to be empty", async () => {
    if (end) throw new Error(`the program ended with ${end.code}: ${end.stderr.slice(-2000)}`);
    return program.stderr.includes("source amqp: consumes") && await own.ready(queues.updates) === 0;
  }, { timeoutMs: 300_000 });
}
