// `deno task test:soak`: hours in minutes. A real broker, a state file, a constant rate for as long as wanted; memory
// and file must not grow once the windows are full. It reads /proc, so it runs on Linux only.
import { type Channel, type ChannelModel, connect } from "amqplib";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { brokerClient } from "../helpers/amqp.ts";
import { Program } from "../helpers/program.ts";
import { Random } from "../helpers/random.ts";
import { startRabbitMq } from "../helpers/rabbitmq.ts";
import { now, update } from "../helpers/updates.ts";
import { waitFor } from "../helpers/wait_for.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, rate: { type: "string", default: "20000" } },
});
const minutes = Number(values.minutes);
const perSecond = Number(values.rate);
if (!(minutes >= 2) || !(perSecond >= 1)) {
  throw new Error(
    "deno task test:soak [--minutes M] [--rate R]: at least 2 minutes, at least 1 message a second",
  );
}

/** Of the messages, so many are restarts. */
const restartShare = 0.05;
/** Windows are full, and notifications are forgotten, in well under a minute. */
const restartInterval = "20s";
const notificationInterval = "20s";
/** Seconds for which names get restarts; after that there are others. */
const generation = 15;
const queues = { updates: "soak.updates", alerts: "soak.alerts" };

/** The stream: names come, some of them loop, and go. */
class Stream {
  readonly #random = new Random(1);
  readonly #names = Math.ceil(perSecond * restartShare * generation / 4); // four restarts each, give or take
  readonly #started = performance.now();

  next(): Buffer {
    const age = Math.floor((performance.now() - this.#started) / 1000 / generation);
    const name = `job-${age}-${this.#random.below(this.#names)}.group[0]`;
    const type = this.#random.chance(restartShare) ? "Restarting" : "Started";
    return Buffer.from(update({ name, type, time: now() }));
  }
}

/** Publishes at the rate until it is stopped; where the broker cannot take so much, at what it takes. */
class Publishing {
  sent = 0;
  stopped = false;
  readonly done: Promise<void>;

  constructor(connection: ChannelModel) {
    this.done = this.#publish(connection);
  }

  async #publish(connection: ChannelModel): Promise<void> {
    const channel = await connection.createChannel();
    const stream = new Stream();
    const started = performance.now();
    while (!this.stopped) {
      const due = (performance.now() - started) / 1000 * perSecond;
      while (this.sent < due && !this.stopped) await this.#send(channel, stream.next());
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await channel.close();
  }

  async #send(channel: Channel, body: Buffer): Promise<void> {
    this.sent++;
    if (channel.sendToQueue(queues.updates, body)) return;
    await new Promise((resolve) => channel.once("drain", resolve));
  }
}

/** One look at everything. Sizes in MiB. */
interface Sample {
  readonly seconds: number;
  readonly sent: number;
  readonly waiting: number;
  readonly memory: number;
  readonly file: number;
  readonly log: number;
}

const mebi = 1 << 20;

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1024;
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size / mebi;
  } catch {
    return 0;
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

const directory = Deno.makeTempDirSync({ prefix: "soak-" });
const path = `${directory}/state.db`;

/** Runs for the time and samples every ten seconds. */
async function soak(): Promise<{ samples: Sample[]; endedAt: bigint }> {
  await using broker = await startRabbitMq();
  await using own = await brokerClient(broker.url);
  await own.queue(queues.updates);
  await own.queue(queues.alerts);
  await own.channel.bindQueue(queues.alerts, "amq.direct", queues.alerts);
  await using program = new Program({
    env: {
      AMQP_CONNECTION: broker.url,
      AMQP_QUEUE: queues.updates,
      SINK_TYPE: "amqp",
      SINK_AMQP_CONNECTION: broker.url,
      SINK_AMQP_EXCHANGE: "amq.direct",
      SINK_AMQP_ROUTING_KEY: queues.alerts,
      STATE: `sqlite:${path}`,
      RESTART_COUNT: "5",
      RESTART_INTERVAL: restartInterval,
      NOTIFICATION_INTERVAL: notificationInterval,
      LOG_LEVEL: "warning",
    },
  });
  let ended = false;
  program.ended.then(() => ended = true);
  const connection = await connect(broker.url);
  const publishing = new Publishing(connection);
  const started = performance.now();
  const samples: Sample[] = [];
  let alerts = 0;
  say("seconds | messages sent | waiting | memory MiB | file MiB | write-ahead log MiB | alerts");
  while ((performance.now() - started) / 1000 < minutes * 60) {
    const next = started + (samples.length + 1) * 10_000;
    await new Promise((resolve) => setTimeout(resolve, next - performance.now()));
    if (ended) throw new Error(`the program ended: ${program.stderr}`);
    alerts += (await own.channel.purgeQueue(queues.alerts)).messageCount;
    const sample = {
      seconds: Math.round((performance.now() - started) / 1000),
      sent: publishing.sent,
      waiting: await own.ready(queues.updates),
      memory: memoryOf(program.pid),
      file: sizeOf(path),
      log: sizeOf(`${path}-wal`),
    };
    samples.push(sample);
    say(
      `${sample.seconds} | ${sample.sent} | ${sample.waiting} | ${sample.memory.toFixed(1)} | ` +
        `${sample.file.toFixed(1)} | ${sample.log.toFixed(1)} | ${alerts}`,
    );
  }
  publishing.stopped = true;
  await publishing.done;
  await connection.close();
  await waitFor("all messages to be taken", async () => await own.ready(queues.updates) === 0, {
    timeoutMs: 300_000,
  });
  const endedAt = now();
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  if (code !== 0 || stderr !== "") throw new Error(`the program ended with ${code}: ${stderr}`);
  return { samples, endedAt };
}

try {
  const { samples, endedAt } = await soak();
  const problems = judge(samples, endedAt);
  for (const problem of problems) say(`FAILED: ${problem}`);
  Deno.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  await Deno.remove(directory, { recursive: true });
}

/**
 * What is wrong with the figures. Memory is compared in the middle of its ups and downs, from the end of the first
 * minute on and at the end; the file by the room it took.
 */
function judge(samples: readonly Sample[], endedAt: bigint): string[] {
  const problems: string[] = [];
  const last = samples.at(-1)!;
  const early = samples.filter(({ seconds }) => seconds >= 60 && seconds < 120);
  const late = samples.filter(({ seconds }) => seconds > last.seconds - 60);
  const ratio = (value: (sample: Sample) => number) => median(late.map(value)) / median(early.map(value));
  const memory = ratio(({ memory }) => memory);
  const disk = ratio(({ file, log }) => file + log);
  say(`memory at the end: ${percent(memory)} of that after the first minute; state file: ${percent(disk)}`);
  if (memory > 1.1) problems.push("memory grew by more than 10 %");
  if (disk > 1.1) problems.push("the state file grew by more than 10 %");
  const { kept, left } = keptIn(path, endedAt);
  say(`restarts in the state file: ${kept}, of which ${left} had left their windows`);
  if (left > 0) problems.push("the state file holds restarts that are in no window");
  const rate = last.sent / last.seconds;
  if (rate < 0.98 * perSecond) problems.push(`only ${rate.toFixed(0)} messages a second could be published`);
  if (last.waiting > perSecond) problems.push(`the program fell behind: ${last.waiting} messages wait`);
  return problems;
}

/** How many restarts are in the file, and how many of them should not be. */
function keptIn(path: string, endedAt: bigint): { kept: number; left: number } {
  using file = new DatabaseSync(path, { readOnly: true });
  const count = (where: string, ...values: bigint[]) =>
    Number(file.prepare(`SELECT count(*) AS count FROM restarts ${where}`).get(...values)!.count);
  // What leaves within a second before the end may await the next commit.
  return { kept: count(""), left: count("WHERE leaves <= ?", endedAt - 1_000_000_000n) };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
