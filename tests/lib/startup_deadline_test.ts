import assert from "node:assert/strict";
import { Fault } from "../../src/lib/errors.ts";
import { RetryState } from "../../src/lib/retry.ts";
import { StartupDeadline } from "../../src/lib/startup_deadline.ts";
import { testLog } from "../helpers/log.ts";
import { haltTimers, happened } from "../helpers/timers.ts";

/** How it went: the message of what it rejects with, or that it is still waiting. */
async function stateOf({ expired }: StartupDeadline): Promise<string> {
  return await Promise.race([expired, happened().then(() => "waiting")]).catch((error) => error.message);
}

const millisecond = 1_000_000n;

Deno.test("StartupDeadline gives up when its time is over, and names all that is missing and why", async () => {
  const { log, lines } = testLog();
  using startupDeadline = new StartupDeadline(200n * millisecond);
  const source = new RetryState(log, "source amqp", startupDeadline);
  const sink = new RetryState(log, "sink amqp", startupDeadline);
  const silent = new RetryState(log, "sink kinesis", startupDeadline);
  assert.equal(silent.isFailing, false);
  sink.failed(new Fault("first reason"));
  sink.failed(new Fault("last reason"));
  source.succeeded();
  assert.equal(await stateOf(startupDeadline), "waiting");
  await assert.rejects(startupDeadline.expired, {
    message: "Gave up after 200ms: sink amqp: last reason; sink kinesis: no answer yet",
    recovery: "config",
  });
  assert.deepEqual(lines, [
    "warning sink amqp: first reason; retrying for 200ms after the start",
    "debug sink amqp: still failing: last reason",
  ]);
});

Deno.test("StartupDeadline does not give up when all was connected once, whatever happens then", async () => {
  using timers = haltTimers();
  const { log, lines } = testLog();
  using startupDeadline = new StartupDeadline(10n * millisecond);
  const source = new RetryState(log, "source amqp", startupDeadline);
  const sink = new RetryState(log, "sink amqp", startupDeadline);
  source.succeeded();
  sink.connected();
  source.failed(new Fault("closed"));
  sink.failed(new Fault("wrong password", "config"));
  await timers.pass(11);
  assert.equal(await stateOf(startupDeadline), "waiting");
  assert.deepEqual(lines, [
    "warning source amqp: closed; retrying",
    "warning sink amqp: wrong password; retrying",
  ]);
});

Deno.test("StartupDeadline gives up at once where a first connection fails for settings that are wrong", async () => {
  using startupDeadline = new StartupDeadline();
  const sink = new RetryState(testLog().log, "sink amqp", startupDeadline);
  sink.failed(new Fault("refused"));
  assert.equal(await stateOf(startupDeadline), "waiting");
  sink.failed(new Fault("wrong password", "config"));
  await assert.rejects(startupDeadline.expired, {
    message: "sink amqp: wrong password",
    recovery: "config",
  });
});

Deno.test("StartupDeadline without a limit waits indefinitely, and so does one with a limit beyond a timer's maximum", async () => {
  for (const limit of [undefined, 10n ** 18n]) {
    using startupDeadline = new StartupDeadline(limit);
    new RetryState(testLog().log, "sink amqp", startupDeadline).failed(new Fault("refused"));
    assert.equal(await stateOf(startupDeadline), "waiting");
  }
});
