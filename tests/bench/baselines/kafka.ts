// The limit for the sink kafka: batches of kafkajs, one after the other, confirmed by all replicas, and nothing else.
// Arguments: brokers, topic, how many, messages of a batch, bytes of each. It prints how many a second.
import kafkajs from "kafkajs";
import { stdout } from "node:process";

const { Kafka, logLevel, Partitioners } = kafkajs;
const [brokers, topic, ...numbers] = Deno.args;
const [count, window, size] = numbers.map(Number);
const kafka = new Kafka({ brokers: brokers!.split(","), logLevel: logLevel.ERROR });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
const value = "a".repeat(size!);

let sent = 0;
/** With a key and an id as long as the sink's. */
function next() {
  const id = String(sent++).padStart(32, "0");
  return { key: id, value, headers: { id } };
}
const begun = performance.now();
while (sent < count!) {
  const messages = Array.from({ length: Math.min(window!, count! - sent) }, next);
  await producer.send({ topic: topic!, messages, acks: -1 });
}
stdout.write(String(count! / (performance.now() - begun) * 1000));
await producer.disconnect();
