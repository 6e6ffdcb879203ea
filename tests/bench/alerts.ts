// Many keys reach the threshold together: how fast their alerts are confirmed.
import { atLeast, type BenchKind } from "./bench.ts";
import type { Broker } from "./helpers/broker.ts";
import { Messages } from "./helpers/messages.ts";
import { type Measured, startBaseline, startDetector } from "./helpers/process.ts";
import { median, ratio } from "./helpers/statistics.ts";
import { figure } from "./report.ts";

const queue = "bench.updates";
const exchange = "bench.exchange";
const routingKey = "crash-loop";
const out = "bench.alerts";
/** SINK_AMQP_WORKERS is 1: a hundred may be unconfirmed. */
const window = "100";

/** 100,000 keys that restart twice. */
export const alerts: BenchKind = {
  name: "alerts",
  help: "100,000 keys reach the threshold together: alerts per second against a bare publisher",
  async run(bench) {
    const names = bench.quick ? 20_000 : 100_000;
    const runs: { ours: number[]; publisher: number[] } = { ours: [], publisher: [] };
    const broker = await bench.broker();
    await broker.hand.channel.assertExchange(exchange, "topic");
    let size = 0;
    for (let round = 0; round < bench.repeat; round++) {
      const ours = await notify(broker, names);
      size = ours.size;
      runs.ours.push(ours.rate);
      runs.publisher.push(await publish(broker, names, size));
      bench.say(`ours: ${figure(ours.rate)}/s, publisher: ${figure(runs.publisher.at(-1)!)}/s`);
    }
    return [{
      what: `${names.toLocaleString("en-US")} keys reach the threshold together: alerts per second, ` +
        "confirmed, against a bare publisher",
      target: atLeast(0.7),
      measured: ratio(runs.ours, runs.publisher),
      figures: {
        ours: `${figure(median(runs.ours))}/s`,
        publisher: `${figure(median(runs.publisher))}/s`,
        alert: `${size} bytes`,
      },
      runs,
    }];
  },
};

async function notify(broker: Broker, names: number): Promise<{ rate: number; size: number }> {
  await broker.fill(queue, new Messages({ restarts: 1, names, inTurn: true }), 2 * names);
  const env = {
    AMQP_CONNECTION: broker.url,
    AMQP_QUEUE: queue,
    RESTART_COUNT: "2",
    NOTIFICATION_INTERVAL: "1h",
    SINK_TYPE: "amqp",
    SINK_AMQP_CONNECTION: broker.url,
    SINK_AMQP_EXCHANGE: exchange,
    SINK_AMQP_ROUTING_KEY: routingKey,
  };
  const rate = await rateOf(broker, names, () => startDetector({ env }));
  const [alert] = await broker.hand.take(out, 1);
  return { rate, size: alert!.content.length };
}

async function publish(broker: Broker, count: number, size: number): Promise<number> {
  const args = [broker.url, exchange, routingKey, String(count), window, String(size)];
  return await rateOf(broker, count, () => startBaseline("publisher", { args }));
}

/** Messages per second from the first that comes into the alerts' queue to the last. */
async function rateOf(broker: Broker, count: number, start: () => Measured): Promise<number> {
  await broker.queue(out);
  await broker.hand.channel.bindQueue(out, exchange, routingKey);
  const filled = await broker.filled(out, count);
  await using _program = start();
  const { from, to } = await filled();
  return count / ((to - from) / 1000);
}
