// The limit for the sink webhook: requests of Deno's fetch over connections that are kept alive, and nothing else.
// Arguments: URL, how many, how many at most without an answer, bytes of each. It prints how many a second.
import { stdout } from "node:process";

const [url, ...numbers] = Deno.args;
const [count, window, size] = numbers.map(Number);
const body = "a".repeat(size!);
const headers = { "content-type": "application/json" };
using client = Deno.createHttpClient({});

let sent = 0;
async function send(): Promise<void> {
  while (sent < count!) {
    sent++;
    const response = await fetch(url!, { method: "POST", body, headers, client });
    await response.text();
    if (!response.ok) throw new Error(`answered ${response.status}`);
  }
}
const begun = performance.now();
await Promise.all(Array.from({ length: window! }, send));
stdout.write(String(count! / (performance.now() - begun) * 1000));
