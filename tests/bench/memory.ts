// What many keys cost: memory, and CPU for each message.
import { atMost, type Bench, type BenchKind, type Row } from "./bench.ts";
import type { Broker } from "./helpers/broker.ts";
import { Messages } from "./helpers/messages.ts";
import { type Measured, startDetector } from "./helpers/process.ts";
import { median, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** Memory with keys in the window. */
export const memory: BenchKind = {
  name: "memory",
  help: "memory with 10,000 and with 100,000 keys in the window, two restarts each, no alerts",
  async run(bench) {
    return [await rssOf(bench, 10_000, 80), await rssOf(bench, 100_000, 120)];
  },
};

/** The same with a million, and what a message costs then. */
export const million: BenchKind = {
  name: "million",
  help: "memory with 1,000,000 keys in the window; CPU per message against that with 1,000",
  async run(bench) {
    await using many = await Watching.start(bench, "bench.many", scaled(bench, 1_000_000));
    const rss = await settled(many.program);
    return [rowOf("no alerts", many.names, 400, [rss], [many.program.peak]), await costOf(bench, many)];
  },
};

/** Memory when all have an alert. */
export const notified: BenchKind = {
  name: "notified",
  help: "memory with 1,000,000 keys in the window, all with an alert",
  async run(bench) {
    const repeating = { RESTART_COUNT: "2", NOTIFICATION_INTERVAL: "1h" };
    await using many = await Watching.start(bench, "bench.notified", scaled(bench, 1_000_000), repeating);
    return [rowOf("all with an alert", many.names, 1600, [await settled(many.program)], [many.program.peak])];
  },
};

function scaled({ quick }: Bench, names: number): number {
  return quick ? names / 10 : names;
}

async function rssOf(bench: Bench, names: number, target: number): Promise<Row> {
  const rss: number[] = [];
  const peak: number[] = [];
  for (let round = 0; round < bench.repeat; round++) {
    await using watching = await Watching.start(bench, "bench.memory", names);
    const { program } = watching;
    rss.push(await settled(program));
    peak.push(program.peak);
    bench.say(`${names} keys: ${figure(rss.at(-1)!)} MB, peak ${figure(program.peak)} MB`);
  }
  return rowOf("no alerts", names, target, rss, peak);
}

function rowOf(state: string, names: number, target: number, rss: number[], peak: number[]): Row {
  return {
    what: `RSS with ${names.toLocaleString("en-US")} keys in the window, 2 restarts each, ${state}`,
    target: atMost(target),
    measured: median(rss),
    unit: "MB",
    figures: { peak: `${figure(median(peak))} MB` },
    runs: { rss, peak },
  };
}

/** What it holds two seconds after the last message. */
async function settled(program: Measured): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return program.rss;
}

async function costOf(bench: Bench, many: Watching): Promise<Row> {
  await using few = await Watching.start(bench, "bench.few", 1_000);
  const messages = bench.quick ? 50_000 : 200_000;
  // Until the compiler is done, as it is with the other after a million keys.
  await few.cost(4 * messages);
  const runs: { many: number[]; few: number[] } = { many: [], few: [] };
  for (let round = 0; round <= bench.repeat; round++) {
    const cost = { many: await many.cost(messages), few: await few.cost(messages) };
    if (round === 0) continue; // the compiler's work
    runs.many.push(cost.many);
    runs.few.push(cost.few);
    bench.say(`CPU per message: ${figure(cost.many)} µs, with 1,000 keys ${figure(cost.few)} µs`);
  }
  return {
    what: `CPU per message at ${many.names.toLocaleString("en-US")} keys against at 1,000`,
    target: atMost(1.5),
    measured: ratio(runs.many, runs.few),
    figures: { ours: `${figure(median(runs.many))} µs`, "at 1,000": `${figure(median(runs.few))} µs` },
    runs,
  };
}

/** The program with keys in its window that have restarted twice each. Disposing it kills it. */
class Watching implements AsyncDisposable {
  readonly program: Measured;
  readonly names: number;
  readonly #broker: Broker;
  readonly #queue: string;

  private constructor(program: Measured, names: number, broker: Broker, queue: string) {
    this.program = program;
    this.names = names;
    this.#broker = broker;
    this.#queue = queue;
  }

  /** Resolves when all restarts are counted and acknowledged. */
  static async start(
    bench: Bench,
    queue: string,
    names: number,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Watching> {
    const broker = await bench.broker();
    await broker.queue(queue);
    const env = { AMQP_CONNECTION: broker.url, AMQP_QUEUE: queue, ...never, ...more };
    const watching = new Watching(startDetector({ env }), names, broker, queue);
    try {
      await watching.#consume(2 * names, new Messages({ restarts: 1, names, inTurn: true }));
      return watching;
    } catch (error) {
      await watching[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Microseconds of CPU for each of so many messages, of which 5 % are restarts. */
  async cost(messages: number): Promise<number> {
    const before = this.program.cpu;
    await this.#consume(messages, new Messages({ restarts: 0.05, names: this.names }));
    return (this.program.cpu - before) / messages * 1e6;
  }

  async #consume(count: number, messages: Messages): Promise<void> {
    await this.#broker.publish(this.#queue, count, () => messages.next());
    const drained = await this.#broker.drained(this.#queue);
    await drained();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.program[Symbol.asyncDispose]();
  }
}

/** Nothing leaves the window, and there is no alert. */
const never = { RESTART_INTERVAL: "1h", RESTART_COUNT: "1000" };
