// The program from the pipeline inwards, fed by a source and emptied by a sink that cost nothing: for what a broker
// would drown, pauses of milliseconds and bytes of heap.
import type { Alert } from "../../../src/detection/alert/alert.ts";
import { alertJson } from "../../../src/detection/alert/json.ts";
import { Delivery } from "../../../src/pipeline/delivery.ts";
import { RestartsRule, type RestartsThresholds } from "../../../src/detection/restarts/rule.ts";
import { MemoryStore } from "../../../src/state/memory.ts";
import { openLog } from "../../../src/lib/log.ts";
import { runPipeline } from "../../../src/pipeline/pipeline.ts";
import type { Sink } from "../../../src/sinks/sink.ts";
import type { Batch, Source } from "../../../src/sources/source.ts";
import { permissions } from "../../helpers/program.ts";
import { Messages } from "./messages.ts";
import { partsOf } from "../../helpers/sink.ts";

/** A quarter of the default prefetch: what comes between two acknowledgements. */
export const batchSize = 250;

const bytes = new TextEncoder();

/** V8's flags of the program, and --expose-gc. */
const v8Flags = `${permissions.find((flag) => flag.startsWith("--v8-flags="))},--expose-gc`;

/** Runs a file of the benches in a process of its own, with these arguments; yields what it prints, which is JSON. */
export async function alone<T>(file: string, ...args: readonly (string | number)[]): Promise<T> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", v8Flags, file, ...args.map(String)],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr.slice(-2_000)));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Leads the batches that `next` yields their way, one in each turn of the event loop, until there are no more. */
export async function lead(
  thresholds: RestartsThresholds,
  sink: InstantSink,
  next: () => readonly Uint8Array[] | undefined,
): Promise<void> {
  // To standard error, as the program does; the bench reads it and throws it away.
  const log = openLog("info", "text", (line) => void Deno.stderr.writeSync(bytes.encode(line)));
  await using store = new MemoryStore({ sinks: [sink.name], newerReplaces: true });
  await using delivery = new Delivery([sink], partsOf(store), log);
  const rule = new RestartsRule(thresholds, store);
  await delivery.start();
  await runPipeline(
    { source: new FedSource(next), rule, store, delivery, log },
    new AbortController().signal,
  );
}

/** Lets everything else have its turn, as between two reads from a socket. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

class FedSource implements Source {
  readonly mode = "live";
  readonly #next: () => readonly Uint8Array[] | undefined;

  constructor(next: () => readonly Uint8Array[] | undefined) {
    this.#next = next;
  }

  async *batches(): AsyncIterable<Batch> {
    for (let bodies; (bodies = this.#next()) !== undefined; await turn()) {
      yield { bodies, place: String, reject() {}, acknowledge() {} };
    }
  }

  check(): Promise<string> {
    return Promise.resolve("");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Confirms every alert one turn later; a hundred at a time may wait, as with the sink amqp. */
export class InstantSink implements Sink {
  readonly name = "instant";
  readonly open = (): Sink => this;
  readonly concurrency = 100;
  /** How many alerts it has confirmed. */
  notified = 0;

  async connect(): Promise<void> {}

  async send(alert: Alert): Promise<void> {
    alertJson(alert);
    await turn();
    this.notified++;
  }

  check(): Promise<string> {
    return Promise.resolve("");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Batches of usual messages, 5 % of them restarts. To make one costs little: the other updates are copied. */
export class Batches {
  readonly #messages: Messages;
  readonly #others: Uint8Array;
  readonly #ends: readonly number[];
  readonly #restarts = Math.round(batchSize * 0.05);

  /** The restarts are of so many names. */
  constructor(names: number) {
    this.#messages = new Messages({ restarts: 1, names });
    const others = Array.from({ length: batchSize - this.#restarts }, () => this.#messages.other());
    this.#others = bytes.encode(others.join(""));
    let end = 0;
    this.#ends = others.map((text) => end += bytes.encode(text).length);
  }

  next(): Uint8Array[] {
    const block = this.#others.slice();
    let begin = 0;
    const bodies = this.#ends.map((end) => block.subarray(begin, begin = end));
    for (let made = 0; made < this.#restarts; made++) bodies.push(bytes.encode(this.#messages.next()));
    return bodies;
  }
}
