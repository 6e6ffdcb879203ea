// The demo: the real program over a recording of a real cluster; on a terminal with a word before and after.
// `deno task demo`.

import { stderr, stdout } from "node:process";

const before =
  `Five minutes of a real Nomad cluster: 1,798 updates. Crash loops, by default 5 restarts within 5 minutes:

`;
const after = `
The same as JSON: pipe it, as in \`deno task demo | head -1\`. With another threshold: \`deno task demo --restart-count 25\`.
`;

const say = (text: string) => void (stdout.isTTY && stderr.write(text));
const program = ["task", "--quiet", "start", "--log-level", "warning"];
const recording = "tests/fixtures/firehose.ndjson.gz";

say(before);
const { code } = await new Deno.Command(Deno.execPath(), { args: [...program, ...Deno.args, recording] })
  .spawn()
  .status;
if (code === 0) say(after);
Deno.exitCode = code;
