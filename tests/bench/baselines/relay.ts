// The limit for latency: it consumes, publishes every restart with a confirm, and acknowledges. Other updates it
// acknowledges every 500, or after 5 ms. Arguments: URL, queue, prefetch, exchange, routing key.
import { connect, type ConsumeMessage } from "amqplib";
import { stderr } from "node:process";

const [url, queue, prefetch, exchange, routingKey] = Deno.args;
const connection = await connect(url!);
const channel = await connection.createChannel();
const out = await (await connect(url!)).createConfirmChannel();
await channel.prefetch(Number(prefetch));

let last: ConsumeMessage | undefined;
let count = 0;
let unconfirmed = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

function acknowledge(): void {
  clearTimeout(timer);
  timer = undefined;
  if (last !== undefined) channel.ack(last, true);
  last = undefined;
  count = 0;
}

await channel.consume(queue!, (message) => {
  last = message!;
  count++;
  if (message!.content.includes('"Type":"Restarting"')) {
    unconfirmed++;
    const options = { persistent: true, mandatory: true, contentType: "application/json" };
    out.publish(exchange!, routingKey!, message!.content, options, () => {
      if (--unconfirmed === 0) acknowledge();
    });
  } else if (unconfirmed > 0) return;
  else if (count >= 500) acknowledge();
  else timer ??= setTimeout(() => unconfirmed === 0 && acknowledge(), 5);
});
stderr.write("consumes\n");
Deno.addSignalListener("SIGTERM", () => Deno.exit());
