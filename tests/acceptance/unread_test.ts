// The real program with output that nobody reads: it goes on, says how much of the log is gone, and can be ended.
import assert from "node:assert/strict";
import { Program } from "../helpers/program.ts";
import { freePort } from "../helpers/rabbitmq.ts";
import { restarts } from "../helpers/updates.ts";
import { waitFor, within } from "../helpers/wait_for.ts";

/** A file of loops, each with three restarts. Disposing it removes it. */
async function loopsFile(loops: number, letters = 10): Promise<{ path: string } & Disposable> {
  const path = await Deno.makeTempFile();
  const updates = Array.from({ length: loops }, (_, index) => {
    const name = `job${index}-${"x".repeat(letters)}.group[0]`;
    return restarts(3, { name, allocation: `2b1f6c9a-0b51-0f5e-9f14-${`${index}`.padStart(12, "0")}` }).join(
      "\n",
    );
  });
  await Deno.writeTextFile(path, updates.join("\n"));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

/** The value of a metric without labels. */
async function metric(url: string, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await text(`${url}/metrics`))![1]);
}

Deno.test("nobody reads stderr: all loops are notified, probes are answered, SIGTERM ends the program", async () => {
  const loops = 3_000;
  using file = await loopsFile(loops, 600);
  const listen = `127.0.0.1:${freePort()}`;
  await using program = new Program({
    args: [file.path],
    env: { LISTEN: listen, LOG_LEVEL: "debug", RESTART_COUNT: "3" },
    unread: "stderr",
  });
  await waitFor("every loop", () => program.lines.length === loops, { timeoutMs: 60_000, everyMs: 100 });
  assert.equal(await text(`http://${listen}/livez`), "ok\n");
  assert.ok(await metric(`http://${listen}`, "crashloop_detector_log_lines_dropped_total") > 0);
  program.signal("SIGTERM");
  assert.equal(await within("the end", program.exited), 0);
});

Deno.test("when stderr is read again, the log says how many lines are gone, in their place", async () => {
  const loops = 3_000;
  using file = await loopsFile(loops, 600);
  const listen = `127.0.0.1:${freePort()}`;
  await using program = new Program({
    args: [file.path],
    env: { LISTEN: listen, LOG_LEVEL: "debug", RESTART_COUNT: "3" },
    unread: "stderr",
  });
  await waitFor("every loop", () => program.lines.length === loops, { timeoutMs: 60_000, everyMs: 100 });
  const dropped = () => metric(`http://${listen}`, "crashloop_detector_log_lines_dropped_total");
  let before = -1;
  await waitFor("the last line to be dropped", async () => before === (before = await dropped()), {
    everyMs: 200,
  });
  program.read();
  await program.logged(` error ${before} lines of this log were dropped: nobody read stderr\n`);
  assert.equal(await dropped(), before);
  program.signal("SIGTERM");
  const { code, stderr } = await program.ended;
  assert.equal(code, 0);
  const lines = stderr.split("\n").slice(0, -1);
  assert.deepEqual(lines.filter((line) => !/^\d{4}-\S+Z (debug|info|error) /.test(line)), [], "whole lines");
  assert.match(lines.at(-1)!, / error \d+ lines of this log were dropped: nobody read stderr$/);
});

Deno.test("nobody reads stdout: probes are answered, and SIGTERM ends the program after SHUTDOWN_TIMEOUT", async () => {
  using file = await loopsFile(2_000);
  await using program = new Program({
    args: [file.path],
    env: { LISTEN: "127.0.0.1:0", RESTART_COUNT: "3", SHUTDOWN_TIMEOUT: "1s" },
    unread: "stdout",
  });
  await program.logged("Status at ");
  const url = /Status at (\S+)\/\n/.exec(program.stderr)![1]!;
  await waitFor(
    "what waits",
    async () => /^crashloop_detector_outbox_alerts\S* [1-9]/m.test(await text(`${url}/metrics`)),
  );
  assert.equal(await text(`${url}/livez`), "ok\n");
  program.signal("SIGTERM");
  assert.equal(await within("the end", program.exited), 1);
  assert.match(program.stderr, / error Shutdown timed out after 1s with \d+ unconfirmed alerts;/);
});
