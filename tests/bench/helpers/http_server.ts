// A receiver of alerts over HTTP: it takes everything and keeps nothing but how many came, which it answers to GET. Run
// as a program it prints its address, and ends when its standard input does.
import { stdout } from "node:process";

let received = 0;

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => void stdout.write(`http://127.0.0.1:${port}/`),
}, async (request) => {
  if (request.method === "GET") return new Response(String(received));
  await request.arrayBuffer();
  received++;
  return new Response();
});
await Deno.stdin.readable.pipeTo(new WritableStream());
await server.shutdown();
