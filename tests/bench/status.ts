// What those who look at the status cost the detection: 100 clients of the events, and 1,000 requests for metrics a second.
import { freePort } from "../helpers/rabbitmq.ts";
import { atMost, type Bench, type BenchKind } from "./bench.ts";
import { Probes } from "./helpers/probes.ts";
import { startBaseline } from "./helpers/process.ts";
import { median, percentile, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** One restart at a time, with and without them. */
export const status: BenchKind = {
  name: "status",
  help: "from a restart to its alert while 100 clients read events and 1,000 requests a second read metrics",
  async run(bench) {
    const watched: number[] = [];
    const alone: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < bench.repeat; round++) {
      for (const isWatched of round % 2 === 0 ? [false, true] : [true, false]) {
        const { p99, rate } = await measure(bench, isWatched);
        (isWatched ? watched : alone).push(p99);
        if (isWatched) rates.push(rate);
        bench.say(`${isWatched ? "watched" : "alone"}: p99 ${figure(p99)} ms`);
      }
    }
    return [{
      what:
        "restart published to alert in the sink's queue, p99: watched by 100 clients and 1,000 scrapes/s, against alone",
      target: atMost(1.25),
      measured: ratio(watched, alone),
      figures: {
        watched: `${figure(median(watched))} ms`,
        alone: `${figure(median(alone))} ms`,
        scrapes: `${figure(median(rates))}/s`,
      },
      runs: { watched, alone, rates },
    }];
  },
};

async function measure({ quick, broker }: Bench, isWatched: boolean): Promise<{ p99: number; rate: number }> {
  const address = `127.0.0.1:${freePort()}`;
  await using probes = await Probes.start(await broker(), "ours", { LISTEN: address });
  await probes.prepare(quick ? 300 : 1000);
  await using watchers = isWatched
    ? startBaseline("watchers", { args: [`http://${address}/`, "100", "1000"] })
    : undefined;
  await watchers?.logged("answered");
  const latencies: number[] = [];
  for (let index = 0; index < probes.count; index++) {
    latencies.push(await probes.send(index));
    await new Promise((resolve) => setTimeout(resolve, 5 + index % 10));
  }
  const answered = [...(watchers?.stderr ?? "").matchAll(/^answered (\d+)$/gm)].map(([, count]) =>
    Number(count)
  );
  // The first are the compiler's.
  return { p99: percentile(latencies.slice(latencies.length / 10), 0.99), rate: median(answered) };
}
