// Many who look at the status: clients of the event stream, and requests for the metrics at a steady rate. It says on
// standard error when all clients are there, and writes how many requests were answered once a second.
const [url, clients, perSecond] = Deno.args as [string, string, string];

async function read(): Promise<void> {
  const response = await fetch(`${url}api/v1/events`);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  for await (const _ of response.body!);
}
const reading = Array.from({ length: Number(clients) }, read);
await fetch(`${url}livez`).then((response) => response.text());
Deno.stderr.writeSync(new TextEncoder().encode("watches\n"));

let asked = 0;
let answered = 0;
const begun = performance.now();
setInterval(() => {
  const due = (performance.now() - begun) / 1000 * Number(perSecond);
  for (; asked < due; asked++) {
    fetch(`${url}metrics`).then((response) => response.text()).then(() => answered++);
  }
}, 5);
setInterval(() => {
  Deno.stderr.writeSync(new TextEncoder().encode(`answered ${answered}\n`));
  answered = 0;
}, 1_000);
await Promise.all(reading);
