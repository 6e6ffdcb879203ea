// From the start of the process to its first consumption.
import { atMost, type BenchKind } from "./bench.ts";
import { startBaseline, startDetector } from "./helpers/process.ts";
import { median, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** Against a program that does nothing. */
export const start: BenchKind = {
  name: "start",
  help: "from the start of the process to its consumption, against an empty Deno program",
  async run(bench) {
    const broker = await bench.broker();
    const queue = "bench.start";
    await broker.queue(queue);
    const env = { AMQP_CONNECTION: broker.url, AMQP_QUEUE: queue };
    const runs: { ours: number[]; empty: number[] } = { ours: [], empty: [] };
    for (let round = 0; round <= 5 * bench.repeat; round++) {
      const ours = await time(async () => {
        await using program = startDetector({ env });
        await program.logged("consumes");
        return performance.now();
      });
      const empty = await time(async () => {
        await using program = startBaseline("empty", {});
        await program.ended();
        return performance.now();
      });
      if (round === 0) continue; // what is cached is cached now
      runs.ours.push(ours);
      runs.empty.push(empty);
    }
    bench.say(`ours: ${figure(median(runs.ours))} ms, empty: ${figure(median(runs.empty))} ms`);
    return [{
      what: "start to consuming, against start to end of an empty Deno program",
      target: atMost(4),
      measured: ratio(runs.ours, runs.empty),
      figures: { ours: `${figure(median(runs.ours))} ms`, empty: `${figure(median(runs.empty))} ms` },
      runs,
    }];
  },
};

/** Milliseconds until the moment that it yields. */
async function time(act: () => Promise<number>): Promise<number> {
  const started = performance.now();
  return await act() - started;
}
