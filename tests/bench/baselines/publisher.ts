// The limit for alerts: it publishes messages as the sink amqp does, and nothing else.
// Arguments: URL, exchange, routing key, how many, how many at most unconfirmed, bytes of each.
import { connect } from "amqplib";
import { Buffer } from "node:buffer";

const [url, exchange, routingKey, ...numbers] = Deno.args;
const [count, window, size] = numbers.map(Number);
const connection = await connect(url!);
const channel = await connection.createConfirmChannel();
const body = Buffer.alloc(size!, "a");
const options = { persistent: true, mandatory: true, contentType: "application/json" };

const done = Promise.withResolvers<void>();
let published = 0;
let confirmed = 0;
function publish(): void {
  while (published < count! && published - confirmed < window!) {
    const messageId = String(published++).padStart(32, "0");
    channel.publish(exchange!, routingKey!, body, { ...options, messageId }, () => {
      if (++confirmed === count) done.resolve();
      else publish();
    });
  }
}
publish();
await done.promise;
await connection.close();
