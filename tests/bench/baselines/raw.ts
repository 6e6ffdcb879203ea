// The limit for AMQP: the smallest consumer there is. It acknowledges every 500 and does nothing else.
// Arguments: URL, queue, prefetch.
import { connect } from "amqplib";
import { stderr } from "node:process";

const [url, queue, prefetch] = Deno.args;
const channel = await (await connect(url!)).createChannel();
await channel.prefetch(Number(prefetch));
let count = 0;
await channel.consume(queue!, (message) => {
  if (++count % 500 === 0) channel.ack(message!, true);
});
stderr.write("consumes\n");
Deno.addSignalListener("SIGTERM", () => Deno.exit());
