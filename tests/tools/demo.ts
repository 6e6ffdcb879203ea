// The demo: the real program over a recording of a real cluster; on a terminal with a word before and after.
// `deno task demo`. With `--listen` it stays and says where its page is, until SIGINT or SIGTERM.

import { stderr, stdin, stdout } from "node:process";

const before =
  `Five minutes of a real Nomad cluster: 1,798 updates. Crash loops, by default 5 restarts within 5 minutes:

`;
const after = `
The same as JSON: pipe it, as in \`deno task demo | head -1\`. With another threshold: \`deno task demo --restart-count 25\`.
On a page in the browser: \`deno task demo --listen 127.0.0.1:9465\`.
`;

const listens = Deno.args.some((argument) => /^--listen(=|$)/.test(argument));
const program = ["task", "--quiet", "start", "--log-level", listens ? "info" : "warning"];
const recording = "tests/fixtures/firehose.ndjson.gz";

const say = (text: string) => void (stdout.isTTY && stderr.write(text));

/** Passes on what the log warns of; of all else only where the page is, once it shows everything. */
async function sayWhere(log: ReadableStream<Uint8Array>): Promise<void> {
  let rest = "";
  for await (const text of log.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const where = /All files are read; the results stay at (\S+) until/.exec(line)?.[1];
      if (where !== undefined) stderr.write(`\nThe page is at ${where} until Ctrl-C.\n`);
      else if (!/^\S+ info /.test(line)) stderr.write(`${line}\n`);
    }
  }
  stderr.write(rest);
}

say(before);
const child = new Deno.Command(Deno.execPath(), {
  args: [...program, ...Deno.args, recording],
  stderr: listens ? "piped" : "inherit",
}).spawn();
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
// What a terminal sends, it sends to both.
Deno.addSignalListener("SIGINT", () => stdin.isTTY || child.kill("SIGINT"));
if (listens) await sayWhere(child.stderr);
const { code } = await child.status;
if (code === 0 && !listens) say(after);
Deno.exit(code);
