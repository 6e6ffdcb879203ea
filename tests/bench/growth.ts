// Whether memory grows under steady load.
import { stdout } from "node:process";
import { atMost, type BenchKind } from "./bench.ts";
import { alone, Batches, batchSize, InstantSink, lead } from "./helpers/inside.ts";
import { LoadProcess } from "./helpers/load.ts";
import { startDetector } from "./helpers/process.ts";
import { median } from "./helpers/statistics.ts";
import { figure } from "./report.ts";
import { second } from "../../src/lib/duration.ts";

/** One look at the memory, in megabytes of a million bytes. */
interface Sample {
  readonly messages: number;
  /** What V8 holds after a full garbage collection. */
  readonly heap: number;
  readonly rss: number;
}

/** Looks at the memory in one run. */
const looks = 20;
/** At first windows fill and code is compiled: that many looks do not count. */
const settling = 8;

/** Ten million messages through everything but broker and sink. */
export const growth: BenchKind = {
  name: "growth",
  help: "heap growth over 10,000,000 messages of steady load, in-process",
  async run(bench) {
    const messages = bench.quick ? 2_000_000 : 10_000_000;
    const samples = await alone<Sample[]>(import.meta.filename!, messages);
    const heap = samples.map(({ heap }) => heap);
    const rss = samples.map(({ rss }) => rss);
    bench.say(`heap ${heap.map(figure).join(" ")}`);
    bench.say(`RSS ${rss.map(figure).join(" ")}`);
    return [{
      what: `heap growth over ${messages.toLocaleString("en-US")} messages of steady load`,
      target: atMost(1),
      measured: increase(heap),
      unit: "MB",
      figures: {
        heap: `${figure(median(heap.slice(settling)))} MB`,
        RSS: `${figure(median(rss.slice(settling)))} MB`,
        "RSS growth": `${figure(increase(rss))} MB`,
      },
      runs: { heap, rss },
    }];
  },
};

/** The same at the program itself, for a shorter time. */
export const growthAmqp: BenchKind = {
  name: "growth-amqp",
  help: "growth of the program's memory while 10,000 messages a second come through RabbitMQ",
  async run(bench) {
    const broker = await bench.broker();
    const queue = "bench.growth";
    await broker.queue(queue);
    const rss: number[] = [];
    const everyMs = bench.quick ? 500 : 3_000;
    const env = {
      AMQP_CONNECTION: broker.url,
      AMQP_QUEUE: queue,
      RESTART_INTERVAL: "5s",
      NOTIFICATION_INTERVAL: "5s",
    };
    await using program = startDetector({ env });
    await program.logged("consumes");
    await using load = new LoadProcess({
      url: broker.url,
      queue,
      perSecond: 10_000,
      restarts: 0.05,
      names: 1_000,
    });
    for (let look = 0; look < looks; look++) {
      await new Promise((resolve) => setTimeout(resolve, everyMs));
      rss.push(program.rss);
    }
    const flow = await load.end();
    bench.say(`RSS ${rss.map(figure).join(" ")}`);
    return [{
      what: `growth of RSS in ${looks * everyMs / 1000} s at 10,000 messages a second through RabbitMQ`,
      target: atMost(10),
      measured: increase(rss),
      unit: "MB",
      figures: { RSS: `${figure(median(rss.slice(settling)))} MB`, load: `${figure(flow)}/s` },
      runs: { rss },
    }];
  },
};

/** From the first looks that count to the last: by how much the medians of the two halves differ. */
function increase(looks: readonly number[]): number {
  const counted = looks.slice(settling);
  const half = counted.length >> 1;
  return median(counted.slice(half)) - median(counted.slice(0, half));
}

/** Two seconds are a window, so that many come and go; a tenth of the names loops at any time. */
async function measure(messages: number): Promise<Sample[]> {
  const { gc } = globalThis as unknown as { gc: () => void };
  const samples: Sample[] = [];
  const batches = new Batches(20_000);
  let taken = 0;
  const thresholds = { restartCount: 5, restartInterval: 2n * second, notificationInterval: 2n * second };
  await lead(thresholds, new InstantSink(), () => {
    taken += batchSize;
    if (taken >= messages / looks * (samples.length + 1)) {
      const { rss } = Deno.memoryUsage();
      gc();
      samples.push({ messages: taken, heap: Deno.memoryUsage().heapUsed / 1e6, rss: rss / 1e6 });
    }
    return samples.length < looks ? batches.next() : undefined;
  });
  return samples;
}

if (import.meta.main) stdout.write(JSON.stringify(await measure(Number(Deno.args[0]))));
