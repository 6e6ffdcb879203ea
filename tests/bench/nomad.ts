// A large Nomad cluster: how soon its alerts come, what an event costs, and what memory 100,000 allocations take.
import { createGzip } from "node:zlib";
import { NomadServer, Recording } from "../helpers/nomad.ts";
import { type Cluster, crashLine, listOf } from "../helpers/nomad_cluster.ts";
import { waitFor } from "../helpers/wait_for.ts";
import { atMost, type Bench, type BenchKind, type Row } from "./bench.ts";
import { startDetector } from "./helpers/process.ts";
import { median } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** 100,000 allocations of which 2,000 loop, against 1,000 that all do. */
export const nomad: BenchKind = {
  name: "nomad",
  help: "a cluster of 100,000 allocations, 2,000 of them looping: time to the alerts, CPU per event, memory",
  async run(bench) {
    const size = bench.quick ? 10_000 : 100_000;
    const large = await measure(bench, size, size / 50);
    const small = await measure(bench, 1_000, 1_000);
    const many = size.toLocaleString("en-US");
    return [
      row(`start to the first alert, ${many} allocations`, 10, large.first, "s", small.first),
      row(`start to the last of ${large.loops} alerts`, 60, large.last, "s", small.last),
      row("CPU per task event of the stream", 50, large.cost, "µs", small.cost),
      row(
        `memory with ${many} allocations above that with 1,000`,
        100,
        above(large.rss, small.rss),
        "MB",
        small.rss,
      ),
      row(
        "the same at the peak, while the list is read",
        200,
        above(large.peak, small.peak),
        "MB",
        small.peak,
      ),
    ];
  },
};

function above(large: readonly number[], small: readonly number[]): number[] {
  return large.map((value, round) => value - small[round]!);
}

function row(what: string, most: number, runs: number[], unit: string, small: number[]): Row {
  return {
    what,
    target: atMost(most),
    measured: median(runs),
    unit,
    figures: { "with 1,000": `${figure(median(small))} ${unit}` },
    runs: { large: runs, small },
  };
}

interface Measured {
  readonly loops: number;
  /** Seconds. */
  readonly first: number[];
  readonly last: number[];
  /** Microseconds for each task event. */
  readonly cost: number[];
  /** Megabytes, at the end and at most. */
  readonly rss: number[];
  readonly peak: number[];
}

/** Lines of the stream after the list, the allocations in each, and the new events of each allocation. */
const lines = 2_000;
const perLine = 20;
const perAllocation = 3;

async function measure(bench: Bench, allocations: number, looping: number): Promise<Measured> {
  const measured: Measured = { loops: looping, first: [], last: [], cost: [], rss: [], peak: [] };
  for (let round = 0; round < bench.repeat; round++) {
    const cluster = { allocations, looping, now: BigInt(Date.now()) * 1_000_000n };
    const recording = Recording.of(crashes(cluster));
    await using server = await NomadServer.start({
      recording,
      packedList: await pack(listOf(cluster)),
      lines: 0,
      heartbeat: 1000,
    });
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    await using program = startDetector({ env: { NOMAD_ADDR: server.address, RESTART_COUNT: "3" } });
    await program.logged("crash loop");
    measured.first.push(seconds());
    const alerts = () => program.stderr.match(/crash loop/g)?.length ?? 0;
    await waitFor("all alerts", () => alerts() >= looping, { timeoutMs: 300_000, everyMs: 200 });
    measured.last.push(seconds());
    await program.logged("allocations found");
    const before = program.cpu;
    server.allow(Infinity);
    await waitFor("all lines to be sent", () => server.sent === lines, { timeoutMs: 300_000, everyMs: 200 });
    let cpu = NaN;
    await waitFor("an idle program", () => cpu === (cpu = program.cpu), { timeoutMs: 60_000, everyMs: 500 });
    measured.cost.push((program.cpu - before) / (lines * perLine * perAllocation) * 1e6);
    measured.rss.push(program.rss);
    measured.peak.push(program.peak);
    bench.say(
      `${allocations} allocations: first alert after ${
        figure(measured.first.at(-1)!)
      } s, all ${looping} after ` +
        `${figure(measured.last.at(-1)!)} s, ${figure(measured.cost.at(-1)!)} µs per event, ` +
        `${figure(program.peak)} MB`,
    );
  }
  return measured;
}

/** What happens after the list: everything that loops crashes again and again. */
function crashes(cluster: Cluster): string[] {
  return Array.from({ length: lines }, (_, line) => {
    const first = line * perLine;
    const numbers = Array.from({ length: perLine }, (_, at) => (first + at) % cluster.looping);
    return crashLine(cluster, 1_000_001 + line, 20 * (1 + Math.floor(first / cluster.looping)), numbers);
  });
}

async function pack(pieces: Iterable<string>): Promise<Uint8Array> {
  const gzip = createGzip({ level: 1 });
  const written = (async () => {
    for (const piece of pieces) {
      if (!gzip.write(piece)) await new Promise((resolve) => gzip.once("drain", resolve));
    }
    gzip.end();
  })();
  const packed = await new Response(ReadableStream.from(gzip)).bytes();
  await written;
  return packed;
}
