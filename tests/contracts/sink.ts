// What every sink must do, whatever it is: run by sinks_test.ts over each of them, with a real receiver.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import { alertJson } from "../../src/detection/alert/json.ts";
import type { Fault } from "../../src/lib/errors.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { alertAbout } from "../helpers/alerts.ts";

/** A sink and its receiver, set up for one test. */
export interface SinkCase extends AsyncDisposable {
  /** A sink that sends to the receiver. */
  readonly sink: Sink;
  /** All that the receiver has so far. */
  received(): Promise<string[]>;
  /** What it has of an alert: its exact JSON, where this is absent. */
  shows?(alert: Alert): string;
  /** From now on the receiver takes nothing. */
  breakIt(): Promise<void>;
  /** From now on it takes all again. */
  mendIt(): Promise<void>;
  /** What may stand in no fault. */
  readonly secret: string;
}

/** Declares the tests of a sink. */
export function sinkContract(type: string, setUp: () => Promise<SinkCase>): void {
  const test = (name: string, run: (given: SinkCase) => Promise<void>) =>
    Deno.test(`the sink ${type}: ${name}`, async () => {
      await using given = await setUp();
      await run(given);
    });

  const arrived = async ({ received, shows }: SinkCase, alerts: readonly Alert[]) =>
    assert.deepEqual(
      (await received()).toSorted(),
      alerts.map((alert) => shows === undefined ? alertJson(alert) : shows(alert)).toSorted(),
    );

  test("send() connects by itself, and what it confirms has arrived, whole", async (given) => {
    const alert = alertAbout("caf\u00e9.web[0]");
    await given.sink.send(alert);
    await arrived(given, [alert]);
  });

  test("it takes as many alerts at one time as it says, each arrives once", async (given) => {
    const alerts = Array.from(
      { length: 3 * given.sink.concurrency },
      (_, index) => alertAbout(`j.g[${index}]`),
    );
    for (let from = 0; from < alerts.length; from += given.sink.concurrency) {
      await Promise.all(
        alerts.slice(from, from + given.sink.concurrency).map((alert) => given.sink.send(alert)),
      );
    }
    await arrived(given, alerts);
  });

  test("connect() and check() send nothing, and may be called again", async (given) => {
    await given.sink.connect();
    await given.sink.connect();
    assert.match(await given.sink.check(), /^\S.*\S$/);
    assert.equal(await given.sink.check(), await given.sink.check());
    assert.ok(!(await given.sink.check()).includes(given.secret));
    await arrived(given, []);
  });

  test("send() rejects with a fault that heals while the receiver is down, and works when it is up", async (given) => {
    const [before, during, after] = [
      alertAbout("before[0]"),
      alertAbout("during[0]"),
      alertAbout("after[0]"),
    ];
    await given.sink.send(before);
    await given.breakIt();
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(given.sink.send(during), ({ name, recovery, message }: Fault) => {
        assert.deepEqual([name, recovery], ["Fault", "transient"]);
        assert.match(message, /^\S.*\S$/);
        assert.ok(!message.includes(given.secret), message);
        return true;
      });
    }
    await given.mendIt();
    await given.sink.send(during);
    await given.sink.send(after);
    await arrived(given, [before, during, after]);
  });
}
