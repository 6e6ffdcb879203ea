// What one writes first: it parses every message and acknowledges one by one. It counts by name and forgets nothing.
// Arguments: URL, queue, prefetch.
import { connect } from "amqplib";
import { stderr } from "node:process";

const [url, queue, prefetch] = Deno.args;
const channel = await (await connect(url!)).createChannel();
await channel.prefetch(Number(prefetch));
const counts = new Map<string, number>();
await channel.consume(queue!, (message) => {
  const { Name, TaskEvent } = JSON.parse(message!.content.toString());
  if (TaskEvent.Type === "Restarting") counts.set(Name, (counts.get(Name) ?? 0) + 1);
  channel.ack(message!);
});
stderr.write("consumes\n");
Deno.addSignalListener("SIGTERM", () => Deno.exit());
