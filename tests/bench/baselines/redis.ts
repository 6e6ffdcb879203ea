// The limit for the sink redis: RPUSH over one connection, without waiting for each other, and nothing else.
// Arguments: URL, key, how many, how many at most without an answer, bytes of each. It prints how many a second.
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect } from "node:net";
import { stdout } from "node:process";

const [url, key, ...numbers] = Deno.args;
const [count, window, size] = numbers.map(Number);
const { hostname, port } = new URL(url!);
const value = "a".repeat(size!);
const command = () =>
  Buffer.from(
    `*3\r\n$5\r\nRPUSH\r\n$${key!.length}\r\n${key}\r\n$${Buffer.byteLength(value)}\r\n${value}\r\n`,
  );
const newline = "\n".charCodeAt(0);

const socket = connect(Number(port), hostname);
socket.setNoDelay(true);
await once(socket, "connect");

const done = Promise.withResolvers<void>();
let sent = 0;
let answered = 0;
/** As many as may be, in one write. */
function send(): void {
  const fits = Math.min(count!, answered + window!) - sent;
  sent += fits;
  if (fits > 0) socket.write(Buffer.concat(Array.from({ length: fits }, command)));
}
socket.on("error", done.reject);
socket.on("data", (bytes: Buffer) => {
  if (bytes.includes("-")) done.reject(new Error(bytes.toString()));
  for (const byte of bytes) if (byte === newline) answered++;
  if (answered === count) done.resolve();
  else send();
});
const begun = performance.now();
send();
await done.promise;
stdout.write(String(count! / (performance.now() - begun) * 1000));
socket.destroy();
