// Outages: told once when they begin and once when they end; and the pauses between attempts.
import assert from "node:assert/strict";
import { Fault } from "../src/fault.ts";
import { backOff, Outage, pause } from "../src/outage.ts";
import { testLog } from "./helpers/log.ts";
import { haltTimers } from "./helpers/timers.ts";

Deno.test("an outage is told when it begins, each new reason once, and when it ends", () => {
  const { log, lines } = testLog();
  const outage = new Outage(log, "sink amqp");
  outage.end();
  assert.equal(outage.open, false);
  for (const reason of ["refused", "refused", "timed out", "refused", "timed out"]) {
    outage.begin(new Fault(reason));
    assert.equal(outage.open, true);
  }
  outage.end();
  assert.equal(outage.open, false);
  outage.end();
  outage.begin(new Fault("refused"));
  assert.deepEqual(lines.map((line) => line.replace(/after [0-9.]+[mnuµ]*s$/, "after <time>")), [
    "warning sink amqp: refused; trying again until it works",
    "info sink amqp: still does not work: timed out",
    "info sink amqp: works again after <time>",
    "warning sink amqp: refused; trying again until it works",
  ]);
});

Deno.test("begin() yields longer pauses from failure to failure, and short ones in the next outage", () => {
  const outage = new Outage(testLog().log, "state");
  for (let round = 0; round < 2; round++) {
    for (let failure = 0; failure < 12; failure++) {
      const most = Math.min(10_000, 100 * 2 ** failure);
      const milliseconds = outage.begin(new Fault("refused"));
      assert.ok(
        milliseconds >= most / 2 && milliseconds <= most,
        `${milliseconds} after ${failure} failures`,
      );
    }
    outage.end();
  }
});

const pauses: readonly (readonly [failures: number, least: number, most: number])[] = [
  [0, 50, 100],
  [1, 100, 200],
  [2, 200, 400],
  [6, 3_200, 6_400],
  [7, 5_000, 10_000],
  [8, 5_000, 10_000],
  [1_000_000, 5_000, 10_000],
];

Deno.test("backOff() doubles from 100 ms to 10 s and leaves half of it to chance", () => {
  for (const [failures, least, most] of pauses) {
    assert.equal(backOff(failures, () => 0), least, `${failures} failures`);
    assert.equal(backOff(failures, () => 1), most, `${failures} failures`);
  }
});

Deno.test("pause() waits so long, or until the signal, and leaves no timer", async () => {
  using timers = haltTimers();
  let over = 0;
  const stop = new AbortController();
  const waiting = pause(1_000, stop.signal).then(() => over++);
  await timers.pass(999);
  assert.equal(over, 0);
  await timers.pass(1);
  assert.equal(over, 1);
  await waiting;
  const interrupted = pause(1_000, stop.signal);
  stop.abort();
  await interrupted;
  await pause(1_000, stop.signal);
});
