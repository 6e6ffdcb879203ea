// The demo as a newcomer starts it: `deno task demo`.
import assert from "node:assert/strict";
import { onTerminal } from "../helpers/terminal.ts";

const names = [
  "batch-once.work[0]",
  "exit0.web[0]",
  "killed.kill9[0]",
  "killed.mocksig[0]",
  "killed.segv[0]",
  "loop-delay.web[0]",
  "loop-fail-nodeploy.web[0]",
  "siblings.pair[0]",
  "siblings.pair[1]",
  "siblings.pair[2]",
  "system-loop.sys[0]",
];

async function demo(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "demo", ...args],
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

const namesIn = (stdout: string) =>
  stdout.trimEnd().split("\n").map((line) => JSON.parse(line).LastEvent.Name).sort();

Deno.test("demo prints the alerts as JSON where it is piped, and nothing else", async () => {
  const { code, stdout, stderr } = await demo();
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(namesIn(stdout), names);
});

Deno.test("demo passes its arguments on, and the exit code", async () => {
  assert.deepEqual(namesIn((await demo("--restart-count", "34")).stdout), [
    "exit0.web[0]",
    "loop-fail-nodeploy.web[0]",
  ]);
  const { code, stderr } = await demo("--restart-count", "0");
  assert.equal(code, 1);
  assert.match(stderr, /^RESTART_COUNT \(--restart-count\): found "0"/);
});

Deno.test("demo with an address to listen on says where its page is, and stays until a signal", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "demo", "--listen", "127.0.0.1:0"],
      cwd: new URL("../..", import.meta.url),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = new Response(child.stdout).text();
    let said = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      said += text;
      const url = /^\nThe page is at (http:\/\/127\.0\.0\.1:\d+\/) until Ctrl-C\.\n$/.exec(said)?.[1];
      if (url === undefined) continue;
      const { loops } = await (await fetch(`${url}api/v1/loops`)).json();
      assert.deepEqual(loops.map(({ name }: { name: string }) => name).sort(), names);
      child.kill(signal);
    }
    assert.equal((await child.status).code, 0, said);
    assert.deepEqual(namesIn(await output), names);
  }
});

Deno.test("demo prints readable lines on a terminal, with a word before and after", async () => {
  const { code, shown } = await onTerminal(
    `env -u NO_COLOR TERM=xterm '${Deno.execPath()}' task --quiet demo`,
  );
  assert.equal(code, 0, shown);
  const [before, empty, ...lines] = shown.trimEnd().split("\n");
  const after = lines.splice(-3);
  assert.match(before!, /^Five minutes of a real Nomad cluster/);
  assert.deepEqual([empty, after[0]], ["", ""]);
  assert.match(after[1]!, /^The same as JSON: /);
  assert.match(after[2]!, /^On a page in the browser: /);
  // deno-lint-ignore no-control-regex -- the heading is red
  const notified = /^\S+Z {2}\x1b\[31mcrash loop\x1b\[39m {3}(\S+) +5 restarts in [^\x1b]*$/;
  assert.deepEqual(lines.map((line) => notified.exec(line)?.[1]).sort(), names);
});

Deno.test("demo has no colours on a terminal where NO_COLOR is set or that is dumb", async () => {
  for (const env of ["NO_COLOR=1 TERM=xterm", "-u NO_COLOR TERM=dumb"]) {
    const { shown } = await onTerminal(`env ${env} '${Deno.execPath()}' task --quiet demo`);
    assert.ok(!shown.includes("\x1b"), env);
    assert.deepEqual(shown.match(/(?<=crash loop {3})\S+(?= +5 restarts in )/g)?.sort(), names, env);
  }
});
