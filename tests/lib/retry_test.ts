// Outages: what is told of them and when, how long the waits are, and how long the first connections may take.
import assert from "node:assert/strict";
import { Fault } from "../../src/lib/errors.ts";
import { backOff, Blockage, Outage, pause, StartupDeadline } from "../../src/lib/retry.ts";
import { testLog } from "../helpers/log.ts";

/** The lines, with the times that outages lasted as `<time>`. */
function notified(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/after [\d.]+m?s$|after 0s$/, "after <time>"));
}

Deno.test("Outage tells its beginning with the reason and its end with how long, each once", () => {
  const { log, lines } = testLog();
  const outage = new Outage(log, "sink amqp");
  outage.end();
  assert.equal(outage.open, false);
  outage.begin(new Fault("refused"));
  outage.begin(new Fault("refused"));
  assert.equal(outage.open, true);
  outage.end();
  outage.end();
  assert.equal(outage.open, false);
  outage.begin(new Fault("refused"));
  assert.deepEqual(notified(lines), [
    "warning sink amqp: refused; trying again until it works",
    "info sink amqp: works again after <time>",
    "warning sink amqp: refused; trying again until it works",
  ]);
});

Deno.test("Outage tells amid it each new reason once: those that somebody has to mend above debug", () => {
  const { log, lines } = testLog();
  const outage = new Outage(log, "source amqp");
  for (const round of [1, 2]) {
    outage.begin(new Fault("closed"));
    outage.begin(new Fault("refused"));
    outage.begin(new Fault("no queue", "operator"));
    outage.begin(new Fault("wrong password", "config"));
    assert.equal(lines.length, 4, `round ${round}`);
  }
  assert.deepEqual(lines, [
    "warning source amqp: closed; trying again until it works",
    "debug source amqp: still does not work: refused",
    "info source amqp: still does not work: no queue",
    "info source amqp: still does not work: wrong password",
  ]);
});

Deno.test("Outage waits longer with each failure, and starts anew after an end", () => {
  const outage = new Outage(testLog().log, "sink amqp");
  const waits = Array.from({ length: 12 }, () => outage.begin(new Fault("refused")));
  for (const [failures, wait] of waits.entries()) {
    const most = Math.min(10_000, 100 * 2 ** failures);
    assert.ok(wait >= most / 2 && wait <= most, `${wait} ms after ${failures}`);
  }
  outage.end();
  assert.ok(outage.begin(new Fault("refused")) <= 100);
});

Deno.test("Blockage tells its beginning with the reason and its end with how long, each once", () => {
  const { log, lines } = testLog();
  const blockage = new Blockage(log, "sink amqp");
  blockage.tell(undefined);
  blockage.tell("rabbit blocks: low on memory");
  blockage.tell("rabbit blocks: low on disk");
  blockage.tell(undefined);
  blockage.tell(undefined);
  blockage.tell("rabbit blocks: low on disk");
  assert.deepEqual(notified(lines), [
    "warning sink amqp: rabbit blocks: low on memory; alerts wait",
    "info sink amqp: no longer blocked after <time>",
    "warning sink amqp: rabbit blocks: low on disk; alerts wait",
  ]);
});

Deno.test("backOff() doubles from 100 ms to 10 s, of which half is left to chance", () => {
  const waits = (random: number) =>
    [0, 1, 2, 6, 7, 10_000].map((failures) => backOff(failures, () => random));
  assert.deepEqual(waits(0), [50, 100, 200, 3200, 5000, 5000]);
  assert.deepEqual(waits(1), [100, 200, 400, 6400, 10_000, 10_000]);
});

Deno.test("pause() ends after its time, or at the signal, or at once where that came before", async () => {
  const stop = new AbortController();
  await pause(1, stop.signal);
  const long = pause(1e9, stop.signal);
  stop.abort();
  await long;
  await pause(1e9, stop.signal);
});

/** How it went: the message of what it rejects with, or that it is still waiting. */
async function stateOf({ over }: StartupDeadline): Promise<string> {
  const waiting = new Promise<"waiting">((resolve) => setTimeout(resolve, 0, "waiting"));
  return await Promise.race([over, waiting]).catch((error) => error.message);
}

const millisecond = 1_000_000n;

Deno.test("StartupDeadline gives up when its time is over, and names all that is missing and why", async () => {
  const { log, lines } = testLog();
  using startupDeadline = new StartupDeadline(200n * millisecond);
  const source = new Outage(log, "source amqp", startupDeadline);
  const sink = new Outage(log, "sink amqp", startupDeadline);
  const silent = new Outage(log, "sink kinesis", startupDeadline);
  assert.equal(silent.open, false);
  sink.begin(new Fault("first reason"));
  sink.begin(new Fault("last reason"));
  source.end();
  assert.equal(await stateOf(startupDeadline), "waiting");
  await assert.rejects(startupDeadline.over, {
    message: "Gave up after 200ms: sink amqp: last reason; sink kinesis: no answer yet",
    recovery: "config",
  });
  assert.deepEqual(lines, [
    "warning sink amqp: first reason; trying again for 200ms after the start",
    "debug sink amqp: still does not work: last reason",
  ]);
});

Deno.test("StartupDeadline does not give up when all was connected once, whatever happens then", async () => {
  const { log, lines } = testLog();
  using startupDeadline = new StartupDeadline(10n * millisecond);
  const source = new Outage(log, "source amqp", startupDeadline);
  const sink = new Outage(log, "sink amqp", startupDeadline);
  source.end();
  sink.connected();
  source.begin(new Fault("closed"));
  sink.begin(new Fault("wrong password", "config"));
  await pause(30, new AbortController().signal);
  assert.equal(await stateOf(startupDeadline), "waiting");
  assert.deepEqual(lines, [
    "warning source amqp: closed; trying again until it works",
    "warning sink amqp: wrong password; trying again until it works",
  ]);
});

Deno.test("StartupDeadline gives up at once where a first connection fails for settings that are wrong", async () => {
  using startupDeadline = new StartupDeadline();
  const sink = new Outage(testLog().log, "sink amqp", startupDeadline);
  sink.begin(new Fault("refused"));
  assert.equal(await stateOf(startupDeadline), "waiting");
  sink.begin(new Fault("wrong password", "config"));
  await assert.rejects(startupDeadline.over, {
    message: "sink amqp: wrong password",
    recovery: "config",
  });
});

Deno.test("StartupDeadline without a limit waits for ever, and with one beyond what timers take too", async () => {
  for (const limit of [undefined, 10n ** 18n]) {
    using startupDeadline = new StartupDeadline(limit);
    new Outage(testLog().log, "sink amqp", startupDeadline).begin(new Fault("refused"));
    assert.equal(await stateOf(startupDeadline), "waiting");
  }
});
