// The bench as a person calls it. How fast anything is, is not asserted anywhere.
import assert from "node:assert/strict";

const benches = [
  "backlog",
  "restarts",
  "stdin",
  "latency",
  "load",
  "memory",
  "million",
  "notified",
  "alerts",
  "sinks",
  "start",
  "pause",
  "nomad",
  "status",
  "growth",
  "growth-amqp",
];

async function bench(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "bench", ...args],
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("bench lists its benches by name, and in its help with what each measures", async () => {
  const list = await bench("--list");
  assert.deepEqual([list.code, list.stderr], [0, ""]);
  assert.deepEqual(list.stdout.trimEnd().split("\n"), benches);
  const help = await bench("--help");
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  for (const name of benches) assert.match(help.stdout, new RegExp(`^  ${name} +\\S`, "m"));
});

Deno.test("bench says what it expected of a name or a number that is wrong, and measures nothing", async () => {
  for (
    const [args, expected] of [
      [["backlog", "nosuch"], `unknown bench "nosuch": expected one of ${benches.join(", ")}`],
      [["--repeat", "0"], '--repeat: found "0", expected a whole number of at least 1'],
      [["--repeat", "many"], '--repeat: found "many", expected a whole number of at least 1'],
      [["--messages", "750"], '--messages: found "750", expected a multiple of 500'],
      [["--nosuch"], "unknown option --nosuch: --help lists them"],
    ] as const
  ) {
    assert.deepEqual(await bench(...args), { code: 1, stdout: "", stderr: `bench: ${expected}\n` });
  }
});
