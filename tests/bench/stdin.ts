// A file of updates on standard input, against the programs that one would reach for.
import { findServer } from "../tools/setup.ts";
import { atLeast, type Bench, type BenchKind, type Row } from "./bench.ts";
import { Messages } from "./helpers/messages.ts";
import { Measured, startDetector } from "./helpers/process.ts";
import { median, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

type Reader = "ours" | "grep" | "jq";
const readers: readonly Reader[] = ["ours", "grep", "jq"];

/** Reading a file of a gigabyte. */
export const stdin: BenchKind = {
  name: "stdin",
  help: "a file of updates on standard input: bytes per second against grep and jq",
  async run(bench) {
    const directory = await Deno.makeTempDir({ prefix: "bench-stdin-" });
    try {
      const file = `${directory}/updates.ndjson`;
      const bytes = await write(file, bench.quick ? 100e6 : 1e9);
      return await measure(bench, file, bytes);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
};

async function measure(bench: Bench, file: string, bytes: number): Promise<Row[]> {
  const runs: Record<Reader, number[]> = { ours: [], grep: [], jq: [] };
  for (let round = 0; round < bench.repeat; round++) {
    for (const reader of round % 2 === 0 ? readers : readers.toReversed()) {
      const started = performance.now();
      // Not /dev/null: grep would stop at the first line that it finds.
      await using program = start(reader, { stdin: file, stdout: `${file}.out` });
      await program.ended();
      const rate = bytes / 1000 / (performance.now() - started);
      runs[reader].push(rate);
      bench.say(`${reader}: ${figure(rate)} MB/s`);
    }
  }
  const size = `stdin, ${figure(bytes / 1e6)} MB`;
  return ([["grep", 0.3], ["jq", 15]] as const).map(([baseline, target]) => ({
    what: `${size}: bytes per second against ${baseline}`,
    target: atLeast(target),
    measured: ratio(runs.ours, runs[baseline]),
    figures: {
      ours: `${figure(median(runs.ours))} MB/s`,
      [baseline]: `${figure(median(runs[baseline]))} MB/s`,
    },
    runs: { ours: runs.ours, [baseline]: runs[baseline] },
  }));
}

function start(reader: Reader, streams: { stdin: string; stdout: string }): Measured {
  switch (reader) {
    case "ours":
      return startDetector({ args: ["--source-type", "stdin"], ...streams });
    case "grep":
      return new Measured(["grep", "-c", '"Type":"Restarting"'], streams);
    case "jq":
      return new Measured([findServer("jq"), "-c", 'select(.TaskEvent.Type=="Restarting")'], streams);
  }
}

/** Writes a file of at least so many bytes; yields how many. Its times go on a millisecond each 20 updates. */
async function write(file: string, least: number): Promise<number> {
  const messages = new Messages({ restarts: 0.05, names: 10_000 });
  const begin = Date.now();
  using out = await Deno.open(file, { write: true, create: true });
  const writer = out.writable.getWriter();
  let bytes = 0;
  for (let made = 0; bytes < least;) {
    let block = "";
    while (block.length < 1 << 20) block += messages.next(begin + Math.floor(made++ / 20)) + "\n";
    const encoded = new TextEncoder().encode(block);
    bytes += encoded.length;
    await writer.write(encoded);
  }
  writer.releaseLock();
  return bytes;
}
