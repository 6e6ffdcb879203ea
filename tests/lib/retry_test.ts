// Retries: what is logged of an outage and when, and the back-off.
import assert from "node:assert/strict";
import { Fault } from "../../src/lib/errors.ts";
import { backOff, Blockage, PartOutages, RetryState } from "../../src/lib/retry.ts";
import { testLog } from "../helpers/log.ts";

/** The lines, with the times that outages lasted as `<time>`. */
function notified(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/after [\d.]+m?s$|after 0s$/, "after <time>"));
}

Deno.test("RetryState logs the start of an outage with its reason and the end with its duration, each once", () => {
  const { log, lines } = testLog();
  const retry = new RetryState(log, "sink amqp");
  retry.succeeded();
  assert.equal(retry.isFailing, false);
  retry.failed(new Fault("refused"));
  retry.failed(new Fault("refused"));
  assert.equal(retry.isFailing, true);
  retry.succeeded();
  retry.succeeded();
  assert.equal(retry.isFailing, false);
  retry.failed(new Fault("refused"));
  assert.deepEqual(notified(lines), [
    "warning sink amqp: refused; retrying",
    "info sink amqp: recovered after <time>",
    "warning sink amqp: refused; retrying",
  ]);
});

Deno.test("RetryState logs each new reason once during an outage, above debug if an operator must act", () => {
  const { log, lines } = testLog();
  const retry = new RetryState(log, "source amqp");
  for (const round of [1, 2]) {
    retry.failed(new Fault("closed"));
    retry.failed(new Fault("refused"));
    retry.failed(new Fault("no queue", "operator"));
    retry.failed(new Fault("wrong password", "config"));
    assert.equal(lines.length, 4, `round ${round}`);
  }
  assert.deepEqual(lines, [
    "warning source amqp: closed; retrying",
    "debug source amqp: still failing: refused",
    "info source amqp: still failing: no queue",
    "info source amqp: still failing: wrong password",
  ]);
});

Deno.test("RetryState increases the back-off with each failure, and resets it after an outage", () => {
  const retry = new RetryState(testLog().log, "sink amqp");
  const pauses = Array.from({ length: 12 }, () => retry.failed(new Fault("refused")));
  for (const [failures, wait] of pauses.entries()) {
    const most = Math.min(10_000, 100 * 2 ** failures);
    assert.ok(wait >= most / 2 && wait <= most, `${wait} ms after ${failures}`);
  }
  retry.succeeded();
  assert.ok(retry.failed(new Fault("refused")) <= 100);
});

Deno.test("Blockage logs its start with the reason and its end with the duration, each once", () => {
  const { log, lines } = testLog();
  const blockage = new Blockage(log, "sink amqp");
  blockage.set(undefined);
  blockage.set("rabbit blocks: low on memory");
  blockage.set("rabbit blocks: low on disk");
  blockage.set(undefined);
  blockage.set(undefined);
  blockage.set("rabbit blocks: low on disk");
  assert.deepEqual(notified(lines), [
    "warning sink amqp: rabbit blocks: low on memory; alerts are pending",
    "info sink amqp: no longer blocked after <time>",
    "warning sink amqp: rabbit blocks: low on disk; alerts are pending",
  ]);
});

Deno.test("PartOutages tells of each part its beginning with the reason and its end with how long, each once", () => {
  const { log, lines } = testLog();
  const parts = new PartOutages(log, "sink alertmanager");
  parts.set("http://one", undefined);
  parts.set("http://one", new Fault("http://one: connection refused"));
  parts.set("http://one", new Fault("http://one: connection lost"));
  parts.set("http://two", new Fault("http://two answered 500"));
  parts.set("http://one", undefined);
  parts.set("http://one", undefined);
  assert.deepEqual(notified(lines), [
    "warning sink alertmanager: http://one: connection refused; the others still receive alerts; retrying",
    "warning sink alertmanager: http://two answered 500; the others still receive alerts; retrying",
    "info sink alertmanager: http://one recovered after <time>",
  ]);
});

Deno.test("backOff() doubles from 100 ms to 10 s, of which half is left to chance", () => {
  const pauses = (random: number) =>
    [0, 1, 2, 6, 7, 10_000].map((failures) => backOff(failures, () => random));
  assert.deepEqual(pauses(0), [50, 100, 200, 3200, 5000, 5000]);
  assert.deepEqual(pauses(1), [100, 200, 400, 6400, 10_000, 10_000]);
});
