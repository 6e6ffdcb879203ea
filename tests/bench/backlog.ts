// A backlog of messages in RabbitMQ: how fast it is worked off, and what that costs.
import { atLeast, atMost, type Bench, type BenchKind, type Row } from "./bench.ts";
import { type Load, Messages } from "./helpers/messages.ts";
import { type Measured, startBaseline, startDetector } from "./helpers/process.ts";
import { median, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

const queue = "bench.backlog";
const prefetch = "1000";

/** What works a backlog off. */
type Worker = "memory" | "sqlite" | "raw" | "naive";

/** What one of them did, in one run after the other. */
interface Runs {
  /** Messages per second from the first delivery to the last acknowledgement, as the broker saw it. */
  readonly rate: number[];
  /** CPU seconds from the start of the process to the last acknowledgement. */
  readonly cpu: number[];
}

const few: Load = { restarts: 0.05, names: 10_000 };
const all: Load = { restarts: 1, names: 100_000 };

/** 5 % restarts. */
export const backlog: BenchKind = {
  name: "backlog",
  help: "a backlog in RabbitMQ with 5 % restarts: rate and CPU against the smallest consumer",
  run: (bench) => run(bench, few, "5 % restarts", ["memory", "raw", "sqlite", "naive"], targetsOfFew),
};

/** Restarts only. */
export const restarts: BenchKind = {
  name: "restarts",
  help: "a backlog in RabbitMQ with restarts only, of 100,000 keys: the same",
  run: (bench) => run(bench, all, "100 % restarts", ["memory", "raw", "sqlite"], targetsOfAll),
};

interface Targets {
  readonly memoryRate: number;
  readonly memoryCpu: number;
  readonly sqliteRate: number;
}
const targetsOfFew: Targets = { memoryRate: 0.95, memoryCpu: 1.35, sqliteRate: 0.9 };
const targetsOfAll: Targets = { memoryRate: 0.7, memoryCpu: 3, sqliteRate: 0.5 };

async function run(
  bench: Bench,
  load: Load,
  what: string,
  workers: readonly Worker[],
  targets: Targets,
): Promise<Row[]> {
  const none = (): Runs => ({ rate: [], cpu: [] });
  const runs: Record<Worker, Runs> = { memory: none(), sqlite: none(), raw: none(), naive: none() };
  for (let round = 0; round < bench.repeat; round++) {
    // In turns and in turned order, so that what else the machine does falls upon all alike.
    for (const worker of round % 2 === 0 ? workers : workers.toReversed()) {
      await workOff(bench, load, worker, runs[worker]);
    }
  }
  return rowsOf(runs, what, targets);
}

async function workOff(bench: Bench, load: Load, worker: Worker, runs: Runs): Promise<void> {
  const broker = await bench.broker();
  await broker.fill(queue, new Messages(load), bench.messages);
  const drained = await broker.drained(queue, bench.messages);
  const directory = await Deno.makeTempDir({ prefix: "bench-state-" });
  try {
    await using program = start(worker, broker.url, directory);
    const { from, to } = await drained();
    const { cpu } = program;
    await program.stop();
    const rate = bench.messages / ((to - from) / 1000);
    runs.rate.push(rate);
    runs.cpu.push(cpu);
    bench.say(`${worker}: ${figure(rate)} msg/s, ${figure(cpu)} CPU s`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function start(worker: Worker, url: string, directory: string): Measured {
  if (worker === "raw" || worker === "naive") return startBaseline(worker, { args: [url, queue, prefetch] });
  const env = { AMQP_CONNECTION: url, AMQP_QUEUE: queue };
  return startDetector({
    env: worker === "memory" ? env : { ...env, STATE: `sqlite:${directory}/state.db` },
  });
}

function rowsOf(runs: Record<Worker, Runs>, what: string, targets: Targets): Row[] {
  const rate = (worker: Worker, target: number, baselines: readonly Worker[]): Row => ({
    what: `backlog, ${what}, ${worker} store: rate against raw`,
    target: atLeast(target),
    measured: ratio(runs[worker].rate, runs.raw.rate),
    figures: figuresOf(runs, "rate", "msg/s", worker, baselines),
    runs: runsOf(runs, "rate", [worker, ...baselines]),
  });
  const known = (["raw", "naive"] as const).filter((worker) => runs[worker].rate.length > 0);
  return [
    rate("memory", targets.memoryRate, known),
    {
      what: `backlog, ${what}, memory store: CPU against raw`,
      target: atMost(targets.memoryCpu),
      measured: ratio(runs.memory.cpu, runs.raw.cpu),
      figures: figuresOf(runs, "cpu", "CPU s", "memory", known),
      runs: runsOf(runs, "cpu", ["memory", ...known]),
    },
    rate("sqlite", targets.sqliteRate, ["raw", "memory"]),
  ];
}

function figuresOf(
  runs: Record<Worker, Runs>,
  kind: keyof Runs,
  unit: string,
  worker: Worker,
  baselines: readonly Worker[],
): Record<string, string> {
  const words = (of: Worker) => `${figure(median(runs[of][kind]))} ${unit}`;
  return { ours: words(worker), ...Object.fromEntries(baselines.map((of) => [of, words(of)])) };
}

function runsOf(
  runs: Record<Worker, Runs>,
  kind: keyof Runs,
  workers: readonly Worker[],
): Record<string, readonly number[]> {
  return Object.fromEntries(workers.map((worker) => [worker, runs[worker][kind]]));
}
