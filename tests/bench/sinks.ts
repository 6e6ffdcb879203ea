// How fast sinks are confirmed: alerts of many keys go from the store in memory through the delivery into the sink, and
// a bare client of the same receiver sends as many of their size, with as many in flight.
import { stderr, stdout } from "node:process";
import { alertJson } from "../../src/detection/alert/json.ts";
import { openLog } from "../../src/lib/log.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import type { OpenableSink } from "../../src/pipeline/sink_worker.ts";
import type { SinkAdapter } from "../../src/sinks/adapter.ts";
import { kafka } from "../../src/sinks/kafka/kafka.ts";
import { redis } from "../../src/sinks/redis/redis.ts";
import { webhook } from "../../src/sinks/webhook/webhook.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { partsOf, sinkContext } from "../helpers/sink.ts";
import { atLeast, type Bench, type BenchKind, type Row } from "./bench.ts";
import { alone } from "./helpers/inside.ts";
import { allocationOf, Messages, nameOf } from "./helpers/messages.ts";
import { httpReceiver, kafkaReceiver, loops, type Receiver, redisReceiver } from "./helpers/receivers.ts";
import { median, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

/** A sink that is measured, and its baseline of the same name. */
interface Case {
  readonly adapter: SinkAdapter;
  /** What the baseline is. */
  readonly against: string;
  readonly alerts: number;
  start(): Promise<Receiver>;
  env(address: string): Readonly<Record<string, string>>;
  /** What the baseline is told of the receiver. */
  args(address: string): readonly string[];
}

const cases: readonly Case[] = [
  {
    adapter: webhook,
    against: "a bare fetch",
    alerts: 20_000,
    start: httpReceiver,
    env: (address) => ({ SINK_WEBHOOK_URL: address }),
    args: (address) => [address],
  },
  {
    adapter: redis,
    against: "a bare pipelined client",
    alerts: 100_000,
    start: redisReceiver,
    env: (address) => ({ SINK_REDIS_URL: address, SINK_REDIS_KEY: loops }),
    args: (address) => [address, loops],
  },
  {
    adapter: kafka,
    against: "bare kafkajs",
    alerts: 50_000,
    start: kafkaReceiver,
    env: (address) => ({ SINK_KAFKA_BROKERS: address, SINK_KAFKA_TOPIC: loops }),
    args: (address) => [address, loops],
  },
];

/** Sinks of which many alerts are in flight. */
export const sinks: BenchKind = {
  name: "sinks",
  help: "alerts per second through the sinks webhook, redis and kafka against bare clients, in-process",
  async run(bench) {
    const rows: Row[] = [];
    for (const one of cases) rows.push(await compare(bench, one));
    return rows;
  },
};

/** What one run of ours shows. */
interface Sent {
  readonly perSecond: number;
  readonly bytes: number;
  /** Maximum alerts in flight. */
  readonly window: number;
}

async function compare(bench: Bench, { adapter, against, start, args, ...one }: Case): Promise<Row> {
  const count = bench.quick ? one.alerts / 5 : one.alerts;
  const runs: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
  const baseline = new URL(`baselines/${adapter.type}.ts`, import.meta.url).pathname;
  let size = 0;
  for (let round = 0; round < bench.repeat; round++) {
    await using receiver = await start();
    const { address } = receiver;
    const { perSecond, bytes, window } = await alone<Sent>(
      import.meta.filename!,
      adapter.type,
      address,
      count,
    );
    const bare = await alone<number>(baseline, ...args(address), count, window, bytes);
    const received = await receiver.received();
    if (received !== 2 * count) throw new Error(`${adapter.type}: sent ${2 * count}, received ${received}`);
    size = bytes;
    runs.ours.push(perSecond);
    runs.bare.push(bare);
    bench.say(`${adapter.type}: ours ${figure(perSecond)}/s, bare ${figure(bare)}/s`);
  }
  return {
    what: `${count.toLocaleString("en-US")} alerts through the sink ${adapter.type}: alerts per second, ` +
      `confirmed, against ${against}`,
    target: atLeast(0.6),
    measured: ratio(runs.ours, runs.bare),
    figures: {
      ours: `${figure(median(runs.ours))}/s`,
      bare: `${figure(median(runs.bare))}/s`,
      alert: `${size} bytes`,
    },
    runs,
  };
}

/** From when the delivery looks into the outbox until its last alert is confirmed. */
async function measure({ adapter, env }: Case, address: string, count: number): Promise<Sent> {
  const name = adapter.type;
  const prepared = adapter.prepare({ flags: {}, env: env(address), problems: [] })!;
  let window = 0;
  const open: OpenableSink["open"] = (listener, records) => {
    const sink = prepared.open(sinkContext({ listener, records }));
    window = sink.concurrency;
    return sink;
  };
  await using store = new MemoryStore({ sinks: [name], newerReplaces: true });
  const messages = new Messages({ restarts: 1, names: count });
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const alert = alertAbout(nameOf(index), {
      lastEvent: messages.restart(index),
      loop: allocationOf(index),
    });
    bytes ||= alertJson(alert).length;
    store.enqueue(alert);
  }
  const log = openLog("info", "text", (line) => void stderr.write(line));
  await using delivery = new Delivery([{ name, open }], partsOf(store), log);
  await delivery.start();
  const begun = performance.now();
  delivery.pump();
  await delivery.settled();
  return { perSecond: count / (performance.now() - begun) * 1000, bytes, window };
}

if (import.meta.main) {
  const [type, address, count] = Deno.args;
  const one = cases.find(({ adapter }) => adapter.type === type)!;
  stdout.write(JSON.stringify(await measure(one, address!, Number(count))));
}
