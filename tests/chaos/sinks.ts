// Alerts through every sink while its receiver fails at random: each arrives, nothing else does, memory stays flat.
// deno run -A tests/chaos/sinks.ts [--loops N] [--seed S] [--only NAME]; a row for each sink, exit code 1 on a loss.
import { parseArgs } from "node:util";
import { stdout } from "node:process";
import { alertJson } from "../../src/detection/alert/json.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { openLog } from "../../src/lib/log.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { Random } from "../helpers/random.ts";
import { TestRecords } from "../helpers/sink.ts";
import type { SinkCase } from "../contracts/sink.ts";
import { type SetUpCase, sinkCases, startServers } from "../contracts/sink_cases.ts";

/** Milliseconds between two messages of sinks that keep a pace, so that ten thousand take minutes and not hours. */
const pace = 5;
/** Milliseconds that a receiver works between two faults, and that a fault lasts, at most. */
const [maxUp, maxDown] = [2_000, 300];
/** Alerts that are pending at one time. */
const together = 500;

/** What became of the alerts through one sink. */
export interface Outcome {
  readonly sink: string;
  readonly loops: number;
  /** Times that the receiver was made to fail, and attempts that failed. */
  readonly faults: number;
  readonly failed: number;
  /** Alerts that did not arrive; arrivals that are no alert; arrivals of an alert that had arrived. */
  readonly lost: number;
  readonly foreign: number;
  readonly repeated: number;
  /** Megabytes of heap in use after a tenth of the alerts, and after all. */
  readonly heap: readonly [number, number];
  readonly seconds: number;
}

/** Sends so many alerts through a sink. */
export async function sendAll(name: string, setUp: SetUpCase, loops: number, seed: number): Promise<Outcome> {
  const random = new Random(seed);
  await using given = await setUp(pace);
  const log = openLog("error", "text", () => {});
  const store = new MemoryStore({ sinks: [name], newerReplaces: true });
  const sink = { name, open: () => given.sink };
  const delivery = new Delivery(
    [sink],
    () => ({ outbox: store.outbox(name), records: new TestRecords() }),
    log,
  );
  const startedAt = performance.now();
  const faults = faultsOf(given, random);
  const expected = new Set<string>();
  let early = 0;
  await delivery.start();
  for (let sent = 0; sent < loops; sent += together) {
    for (let index = sent; index < Math.min(loops, sent + together); index++) {
      const alert = alertAbout(`loop-${index}.group[0]`);
      expected.add(given.shows?.(alert) ?? alertJson(alert));
      store.enqueue(alert);
    }
    delivery.pump();
    await delivery.settled();
    if (early === 0 && sent >= loops / 10) early = heap();
  }
  const count = await faults.stop();
  const [{ attempts }] = delivery.stats as [typeof delivery.stats[0]];
  const late = heap();
  const arrived = await given.received();
  const unique = new Set(arrived);
  return {
    sink: name,
    loops,
    faults: count,
    failed: attempts.failed,
    lost: [...expected].filter((text) => !unique.has(text)).length,
    foreign: [...unique].filter((text) => !expected.has(text)).length,
    repeated: arrived.length - unique.size,
    heap: [early, late],
    seconds: Math.round((performance.now() - startedAt) / 1000),
  };
}

/** Breaks and mends the receiver until it is stopped, which returns how often that was. */
function faultsOf(given: SinkCase, random: Random): { stop(): Promise<number> } {
  let count = 0;
  let stopped = false;
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const run = async () => {
    while (!stopped) {
      await pause(random.below(maxUp));
      if (stopped) return;
      await given.breakIt();
      count++;
      await pause(random.below(maxDown));
      await given.mendIt();
    }
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
      return count;
    },
  };
}

function heap(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round(Deno.memoryUsage().heapUsed / 1e5) / 10;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { loops: { type: "string" }, seed: { type: "string" }, only: { type: "string" } },
  });
  const [loops, seed] = [Number(values.loops ?? 10_000), Number(values.seed ?? 1)];
  const write = (text: string) => stdout.write(`${text}\n`);
  await using _ = await startServers();
  let code = 0;
  write("| sink | loops | faults | failed attempts | lost | foreign | repeated | heap MB | s |");
  write("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, setUp] of sinkCases) {
    if (values.only !== undefined && values.only !== name) continue;
    const { faults, failed, lost, foreign, repeated, heap, seconds } = await sendAll(
      name,
      setUp,
      loops,
      seed,
    );
    const figures = [loops, faults, failed, lost, foreign, repeated, heap.join(" → "), seconds];
    write(`| ${name} | ${figures.join(" | ")} |`);
    if (lost + foreign > 0) code = 1;
  }
  Deno.exitCode = code;
}
