// What those who look at the status cost the detection: 100 clients of the events, and 1,000 requests for metrics a second.
import { freePort } from "../helpers/rabbitmq.ts";
import { atMost, type Bench, type BenchKind } from "./bench.ts";
import { Probes } from "./helpers/probes.ts";
import { startBaseline, startDetector } from "./helpers/process.ts";
import { median, percentile, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** One restart at a time, with and without them. */
export const status: BenchKind = {
  name: "status",
  help: "from a restart to its alert while 100 clients read events and 1,000 requests a second read metrics",
  async run(bench) {
    const p99: Record<Watched, number[]> = { alone: [], program: [], other: [] };
    const rates: number[] = [];
    for (let round = 0; round < bench.repeat; round++) {
      for (const watched of round % 2 === 0 ? cases : cases.toReversed()) {
        const measured = await measure(bench, watched);
        p99[watched].push(measured.p99);
        if (watched === "program") rates.push(measured.rate);
        bench.say(`${words[watched]}: p99 ${figure(measured.p99)} ms`);
      }
    }
    return [{
      what:
        "restart published to alert in the sink's queue, p99: watched by 100 clients and 1,000 scrapes/s, against alone",
      target: atMost(1.25),
      measured: ratio(p99.program, p99.alone),
      figures: {
        ...Object.fromEntries(cases.map((watched) => [words[watched], `${figure(median(p99[watched]))} ms`])),
        scrapes: `${figure(median(rates))}/s`,
      },
      runs: { ...p99, rates },
    }];
  },
};

/** A queue that stays empty. */
const idle = "bench.idle";

/** What is watched: nothing, the program, or another one beside it, which shows what the machine is short of. */
type Watched = "alone" | "program" | "other";
const cases: readonly Watched[] = ["alone", "program", "other"];
const words: Readonly<Record<Watched, string>> = {
  alone: "alone",
  program: "watched",
  other: "while another process is watched",
};

async function measure(
  { quick, broker }: Bench,
  watched: Watched,
): Promise<{ p99: number; rate: number }> {
  const address = `127.0.0.1:${freePort()}`;
  const { url } = await broker();
  const listen = { LISTEN: address };
  await using probes = await Probes.start(await broker(), "ours", watched === "other" ? {} : listen);
  await probes.prepare(quick ? 300 : 1000);
  await (await broker()).queue(idle);
  await using other = watched === "other"
    ? startDetector({ env: { AMQP_CONNECTION: url, AMQP_QUEUE: idle, ...listen } })
    : undefined;
  await other?.logged("consumes");
  await using watchers = watched === "alone"
    ? undefined
    : startBaseline("watchers", { args: [`http://${address}/`, "100", "1000"] });
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
