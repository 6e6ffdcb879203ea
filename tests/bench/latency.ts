// From a restart that completes a loop to its alert in the queue of the sink.
import { atMost, type Bench, type BenchKind, type Row, type Target } from "./bench.ts";
import { LoadProcess } from "./helpers/load.ts";
import { Probes, type Way } from "./helpers/probes.ts";
import { median, percentile, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** One restart at a time, on a system that does nothing else. */
export const latency: BenchKind = {
  name: "latency",
  help: "from a restart to its alert on an idle system, against consuming and publishing one message",
  async run(bench) {
    const { p50, p99 } = await measure(bench, idle);
    const row = (what: string, runs: Runs): Row => ({
      what: `restart published to alert in the sink's queue, idle, ${what}: against relay`,
      target: atMost(1.5),
      measured: ratio(runs.ours, runs.relay),
      figures: figures(runs),
      runs: { ...runs },
    });
    return [row("p50", p50), row("p99", p99)];
  },
};

/** The same while other updates flow. */
export const load: BenchKind = {
  name: "load",
  help: "the same while 20,000 other updates a second flow",
  async run(bench) {
    const { p50, p99, flows } = await measure(bench, underLoad);
    const quickRelay = median(p99.relay) <= 25;
    const [target, measured, unit]: [Target, number, string | undefined] = quickRelay
      ? [atMost(50), median(p99.ours), "ms"]
      : [atMost(2), ratio(p99.ours, p99.relay), undefined];
    return [{
      what: `the same while 20,000 other updates a second flow, p99${quickRelay ? "" : ": against relay"}`,
      target,
      measured,
      ...(unit === undefined ? {} : { unit }),
      figures: {
        ...figures(p99),
        "p50 ours": `${figure(median(p50.ours))} ms`,
        "p50 relay": `${figure(median(p50.relay))} ms`,
        "others": `${figure(median(flows))}/s`,
      },
      runs: { ...p99, flows },
    }];
  },
};

type Runs = Readonly<Record<Way, number[]>>;

function figures(runs: Runs): Record<string, string> {
  return { ours: `${figure(median(runs.ours))} ms`, relay: `${figure(median(runs.relay))} ms` };
}

/** Sends probes and yields their latencies in milliseconds, and how many other updates flowed per second. */
type Method = (bench: Bench, probes: Probes) => Promise<{ latencies: number[]; flow: number }>;

async function measure(bench: Bench, method: Method): Promise<{ p50: Runs; p99: Runs; flows: number[] }> {
  const p50: Runs = { ours: [], relay: [] };
  const p99: Runs = { ours: [], relay: [] };
  const flows: number[] = [];
  const ways: readonly Way[] = ["ours", "relay"];
  for (let round = 0; round < bench.repeat; round++) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      await using probes = await Probes.start(await bench.broker(), way);
      const { latencies, flow } = await method(bench, probes);
      p50[way].push(percentile(latencies, 0.5));
      p99[way].push(percentile(latencies, 0.99));
      flows.push(flow);
      bench.say(
        `${way}: p50 ${figure(p50[way].at(-1)!)} ms, p99 ${figure(p99[way].at(-1)!)} ms, ` +
          `most ${figure(Math.max(...latencies))} ms`,
      );
    }
  }
  return { p50, p99, flows };
}

/** One after the other, each when the one before it has arrived and a pause is over. */
const idle: Method = async ({ quick }, probes) => {
  await probes.prepare(quick ? 200 : 600);
  const latencies: number[] = [];
  for (let index = 0; index < probes.count; index++) {
    latencies.push(await probes.send(index));
    await pause(5 + index % 10);
  }
  // The first are the compiler's.
  return { latencies: latencies.slice(probes.count / 10), flow: 0 };
};

/** Fifty in a second, whether or not the ones before have arrived. */
const underLoad: Method = async ({ quick }, probes) => {
  await probes.prepare(quick ? 250 : 600);
  await using load = new LoadProcess({
    url: probes.url,
    queue: probes.queue,
    perSecond: 20_000,
    restarts: 0,
    names: 1,
  });
  await pause(2_000);
  const sent: Promise<number>[] = [];
  for (let index = 0; index < probes.count; index++) {
    sent.push(probes.send(index));
    await pause(20);
  }
  const latencies = await Promise.all(sent);
  return { latencies, flow: await load.end() };
};

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
