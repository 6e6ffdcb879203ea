// What sinks send to, each in a process of its own, and how many alerts it has by its own count.
import kafkajs from "kafkajs";
import { mendTimers } from "../../../src/sinks/kafka/kafkajs_internals.ts";
import { startKafka } from "../../helpers/kafka.ts";
import { startRedis } from "../../helpers/redis.ts";

/** The topic of Kafka and the list of Redis. */
export const loops = "loops";

/** A running receiver. Disposing it ends it. */
export interface Receiver extends AsyncDisposable {
  /** Where it is, as its clients take it. */
  readonly address: string;
  /** How many alerts it has got so far. */
  received(): Promise<number>;
}

/** A small server over HTTP, with Deno's own. */
export async function httpReceiver(): Promise<Receiver> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("http_server.ts", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const printed = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: address } = await printed.read();
  if (address === undefined) throw new Error("the server over HTTP ended before it listened");
  return {
    address,
    received: async () => Number(await (await fetch(address)).text()),
    async [Symbol.asyncDispose]() {
      await server.stdin.close();
      await printed.cancel();
      await server.status;
    },
  };
}

/** A real Redis. */
export async function redisReceiver(): Promise<Receiver> {
  const redis = await startRedis();
  return {
    address: `redis://127.0.0.1:${redis.port}/`,
    received: async () => Number(await redis.command("LLEN", loops)),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

/** The mock cluster of librdkafka, with a consumer. */
export async function kafkaReceiver(): Promise<Receiver> {
  const kafka = await startKafka(loops);
  const { brokers } = kafka;
  return {
    address: brokers.join(","),
    async received() {
      await mendTimers();
      const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
      await admin.connect();
      const partitions = await admin.fetchTopicOffsets(loops);
      await admin.disconnect();
      return partitions.reduce((sum, { high }) => sum + Number(high), 0);
    },
    [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
  };
}
