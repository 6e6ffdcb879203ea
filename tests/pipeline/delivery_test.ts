// The delivery: every alert to every sink until it confirms, whatever the sinks do meanwhile.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { Fault } from "../../src/lib/errors.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { ShelvedOutbox } from "../../src/state/outbox.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { testLog } from "../helpers/log.ts";
import { partsOf, TestRecords, TestSink } from "../helpers/sink.ts";
import { haltTimers, happened } from "../helpers/timers.ts";
import { waitFor } from "../helpers/wait_for.ts";

/** A delivery to these sinks. `notify` puts alerts about these names into every outbox; it yields their ids. */
function deliveryTo(...sinks: TestSink[]) {
  const { log, lines, confirmations } = testLog();
  const store = new MemoryStore({ sinks: sinks.map(({ name }) => name), newerReplaces: false });
  const delivery = new Delivery(sinks, partsOf(store), log);
  let done = 0;
  delivery.onSettled(() => done++);
  return {
    delivery,
    store,
    confirmations,
    /** The lines of the log, without how long outages lasted. */
    get lines(): string[] {
      return lines.map((line) => line.replace(/after \S+$/, "after <time>"));
    },
    get done(): number {
      return done;
    },
    notify(...names: string[]): string[] {
      const alerts = names.map((name) => alertAbout(name));
      for (const alert of alerts) store.enqueue(alert);
      delivery.pump();
      return alerts.map(({ id }) => id);
    },
  };
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `name ${index}`);

Deno.test("pump() sends as many alerts at a time as the sink takes, the oldest first, the next when one is confirmed", async () => {
  const sink = new TestSink("test", 3);
  const { delivery, notify } = deliveryTo(sink);
  await delivery.start();
  const ids = notify(...names(5));
  assert.deepEqual(sink.sent, ids.slice(0, 3));
  assert.equal(delivery.unconfirmed, 5);
  sink.sending[1]!.confirm();
  await happened();
  assert.deepEqual(sink.sent, ids.slice(0, 4));
  assert.equal(delivery.unconfirmed, 4);
  while (sink.sending.length > 0) {
    sink.sending[0]!.confirm();
    await happened();
  }
  assert.deepEqual(sink.sent, ids);
  assert.equal(delivery.unconfirmed, 0);
});

Deno.test("onSettled() calls its listener for every alert that left an outbox, after it left", async () => {
  const [a, b] = [new TestSink("a", 5), new TestSink("b", 5)];
  const all = deliveryTo(a, b);
  const left: [string, number, boolean][] = [];
  all.delivery.onSettled((key) => left.push([key, all.delivery.unconfirmed, all.delivery.isPending(key)]));
  all.notify("x", "y");
  a.sending[0]!.confirm();
  b.sending[1]!.fail(new Fault("too large", "rejected"));
  await happened();
  b.sending[0]!.confirm();
  await happened();
  assert.deepEqual(left, [["x", 3, true], ["y", 2, true], ["x", 1, false]]);
});

Deno.test("an alert whose sending fails is sent again after a pause, until it is confirmed; the outage is logged once", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  const all = deliveryTo(sink);
  const [id] = all.notify("a");
  for (let attempt = 1; attempt <= 4; attempt++) {
    assert.deepEqual(sink.sent, Array(attempt).fill(id));
    sink.sending[0]!.fail(new Fault("nobody is there"));
    await timers.pass(49);
    assert.equal(sink.sent.length, attempt, "not at once");
    await timers.pass(1_000);
  }
  sink.sending[0]!.confirm();
  await happened();
  assert.deepEqual(sink.confirmed, [id]);
  assert.equal(sink.connects, 4, "it connects before each new attempt");
  assert.deepEqual(all.lines, [
    "warning sink test: nobody is there; retrying",
    "info sink test: recovered after <time>",
  ]);
  assert.equal(all.done, 1);
});

Deno.test("an error that nobody foresaw is one that heals", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  const all = deliveryTo(sink);
  all.notify("a");
  sink.sending[0]!.fail(new TypeError("x is not a function"));
  await timers.pass(200);
  sink.sending[0]!.fail("no error at all");
  await timers.pass(300);
  sink.sending[0]!.confirm();
  await happened();
  assert.deepEqual(all.lines, [
    "warning sink test: x is not a function; retrying",
    "debug sink test: still failing: no error at all",
    "info sink test: recovered after <time>",
  ]);
});

Deno.test("during an outage one alert at a time tries whether it is over, then all go on", async () => {
  using timers = haltTimers();
  const sink = new TestSink("test", 4);
  const all = deliveryTo(sink);
  const ids = all.notify(...names(6));
  assert.equal(sink.sending.length, 4);
  const lost = new Fault("connection lost");
  while (sink.sending.length > 0) sink.sending[0]!.fail(lost);
  await timers.pass(200);
  assert.deepEqual(sink.sent.slice(4), [ids[0]]);
  sink.sending[0]!.fail(lost);
  await timers.pass(400);
  assert.deepEqual(sink.sent.slice(5), [ids[0]]);
  sink.sending[0]!.confirm();
  await happened();
  assert.equal(sink.sending.length, 4);
  sink.ready = true;
  while (sink.sending.length > 0) sink.sending[0]!.confirm();
  await happened();
  assert.deepEqual(sink.confirmed.toSorted(), ids.toSorted());
  assert.equal(all.lines.length, 2, all.lines.join("\n"));
});

Deno.test("failures that arrive late, after the sink is back, lose nothing and send nothing twice at a time", async () => {
  using timers = haltTimers();
  const sink = new TestSink("test", 3);
  const all = deliveryTo(sink);
  const ids = all.notify(...names(3));
  const [first, second, third] = [...sink.sending];
  first!.fail(new Fault("connection lost"));
  await timers.pass(200);
  assert.equal(sink.sending.length, 2, "as many as may be on their way in an outage are already");
  second!.fail(new Fault("connection lost"));
  await timers.pass(500);
  third!.confirm();
  await timers.pass(500);
  while (sink.sending.length > 0) {
    assert.equal(new Set(sink.sending.map(({ alert }) => alert.id)).size, sink.sending.length);
    sink.sending[0]!.confirm();
    await happened();
  }
  assert.deepEqual(sink.confirmed.toSorted(), ids.toSorted());
  assert.equal(all.delivery.unconfirmed, 0);
});

Deno.test("an alert that a sink refuses is given up with an error, and the others go on", async () => {
  const sink = new TestSink("test", 2);
  const all = deliveryTo(sink);
  const ids = all.notify("a", "b\u001b[31m", "c");
  sink.sending[1]!.fail(new Fault("it is too large", "rejected"));
  await happened();
  assert.deepEqual(sink.sent, ids);
  assert.equal(all.delivery.unconfirmed, 2);
  assert.deepEqual(all.lines, [
    `error sink test: dropped alert ${ids[1]} for b\\u001b[31m: it is too large`,
  ]);
});

Deno.test("one sink that is down does not hold up the others", async () => {
  using timers = haltTimers();
  const [down, up] = [new TestSink("down"), new TestSink("up")];
  down.down = new Fault("nobody is there");
  up.ready = true;
  const all = deliveryTo(down, up);
  await all.delivery.start();
  const ids = all.notify(...names(20));
  await timers.pass(5_000);
  assert.deepEqual(up.confirmed, ids);
  assert.deepEqual(down.confirmed, []);
  assert.equal(all.delivery.unconfirmed, 20);
  assert.equal(all.store.outbox("down").size, 20);
  down.down = undefined;
  down.ready = true;
  await timers.pass(10_000);
  assert.deepEqual(down.confirmed, ids);
  assert.deepEqual(up.confirmed, ids, "not again");
});

Deno.test("start() connects every sink and sends nothing", async () => {
  const sinks = [new TestSink("a"), new TestSink("b")];
  const all = deliveryTo(...sinks);
  all.store.enqueue(alertAbout("x"));
  await all.delivery.start();
  assert.deepEqual(sinks.map(({ connects, sent }) => [connects, sent.length]), [[1, 0], [1, 0]]);
});

Deno.test("start() fails with the sink's name where one is misconfigured", async () => {
  const sinks = [new TestSink("a"), new TestSink("b")];
  sinks[1]!.down = new Fault("wrong password", "config");
  await assert.rejects(deliveryTo(...sinks).delivery.start(), {
    name: "Fault",
    message: "sink b: wrong password",
    recovery: "config",
  });
});

Deno.test("start() does not wait for a sink that is down; its alerts wait", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  sink.down = new Fault("nobody is there");
  const all = deliveryTo(sink);
  await all.delivery.start();
  all.notify("a");
  assert.deepEqual(sink.sent, []);
  await timers.pass(3_000);
  assert.ok(sink.connects > 3, `${sink.connects} attempts`);
  assert.deepEqual(sink.sent, []);
  sink.down = undefined;
  sink.ready = true;
  await timers.pass(5_000);
  assert.equal(sink.confirmed.length, 1);
  assert.equal(all.lines.length, 2);
});

Deno.test("misconfigured later on, as when a password is changed, a sink is tried again", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  const all = deliveryTo(sink);
  await all.delivery.start();
  sink.down = new Fault("wrong password", "config");
  all.notify("a");
  await timers.pass(1_000);
  sink.down = undefined;
  sink.ready = true;
  await timers.pass(2_000);
  assert.equal(sink.confirmed.length, 1);
});

Deno.test("attempts to connect come less and less often, to one in 10 s", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  sink.down = new Fault("nobody is there");
  await deliveryTo(sink).delivery.start();
  await timers.pass(20_000);
  const early = sink.connects;
  assert.ok(early >= 8 && early <= 14, `${early} in 20 s`);
  await timers.pass(60_000);
  assert.ok(sink.connects - early >= 6 && sink.connects - early <= 12, `${sink.connects - early} in 60 s`);
});

Deno.test("hurry() tries a sink that is down at once, and then at least four times a second", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  sink.down = new Fault("nobody is there");
  const { delivery, notify } = deliveryTo(sink);
  await delivery.start();
  notify("a");
  await timers.pass(60_000);
  const patient = sink.connects;
  delivery.hurry();
  delivery.hurry();
  await happened();
  assert.equal(sink.connects, patient + 1, "at once, and once at a time");
  await timers.pass(1_000);
  const hurried = sink.connects - patient - 1;
  assert.ok(hurried >= 4 && hurried <= 8, `${hurried} in 1 s`);
  sink.down = undefined;
  sink.ready = true;
  await timers.pass(250);
  assert.equal(sink.confirmed.length, 1);
});

Deno.test("hurry() leaves a sink alone that works", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  const { delivery, notify } = deliveryTo(sink);
  await delivery.start();
  notify("a");
  delivery.hurry();
  await timers.pass(1_000);
  assert.deepEqual([sink.connects, sink.sending.length], [1, 1]);
});

Deno.test("a sink that is lost while nothing is sent is connected again, and both are logged", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  const all = deliveryTo(sink);
  await all.delivery.start();
  sink.listener.lost(new Fault("closed by the broker"));
  sink.listener.lost(new Fault("closed by the broker"));
  await timers.pass(200);
  assert.equal(sink.connects, 2);
  assert.deepEqual(all.lines, [
    "warning sink test: closed by the broker; retrying",
    "info sink test: recovered after <time>",
  ]);
});

Deno.test("over rejects when a sink can take nothing ever again, and nothing more is sent to it", async () => {
  using timers = haltTimers();
  const [gone, other] = [new TestSink("gone"), new TestSink("other")];
  const all = deliveryTo(gone, other);
  all.notify("a", "b");
  gone.sending[0]!.fail(new Fault("the reader of stdout went away", "closed"));
  await assert.rejects(all.delivery.closed, {
    message: "the reader of stdout went away",
    recovery: "closed",
  });
  await timers.pass(1_000);
  assert.equal(gone.connects, 0);
  assert.deepEqual(all.lines, []);
});

Deno.test("settled() resolves when every outbox is empty, not before", async () => {
  const sinks = [new TestSink("a", 2), new TestSink("b", 2)];
  const all = deliveryTo(...sinks);
  await all.delivery.settled();
  all.notify("x", "y", "z");
  let settled = false;
  const settling = all.delivery.settled().then(() => settled = true);
  const open = () => sinks.flatMap(({ sending }) => sending);
  for (let left = 6; left > 0; left--) {
    await happened();
    assert.equal(settled, false, `${left} left`);
    open()[0]!.confirm();
  }
  await settling;
  await all.delivery.settled();
});

Deno.test("settled() resolves at the last confirmation although the sink was lost meanwhile", async () => {
  using timers = haltTimers();
  const sink = new TestSink();
  const all = deliveryTo(sink);
  all.notify("a");
  let settled = false;
  const settling = all.delivery.settled().then(() => settled = true);
  sink.down = new Fault("nobody is there");
  sink.listener.lost(sink.down as Fault);
  sink.sending[0]!.confirm();
  await timers.pass(1_000);
  assert.equal(settled, true);
  await settling;
});

Deno.test("disposing it closes the sinks and tries nothing more", async () => {
  using timers = haltTimers();
  const [down, busy] = [new TestSink("down"), new TestSink("busy")];
  down.down = new Fault("nobody is there");
  const all = deliveryTo(down, busy);
  await all.delivery.start();
  all.notify("a", "b");
  await all.delivery[Symbol.asyncDispose]();
  assert.deepEqual([down.closed, busy.closed], [true, true]);
  const { connects } = down;
  busy.sending[0]!.fail(new Fault("closed"));
  await timers.pass(20_000);
  assert.equal(down.connects, connects);
  assert.deepEqual([down.sent.length, busy.sent.length], [0, 1]);
  assert.equal(all.delivery.unconfirmed, 4);
  assert.equal(all.lines.length, 1, "the outage of the one that was down, nothing of closing");
});

Deno.test("an alert that cannot be read is tried again, said once, and sent when it can", async () => {
  const { log, lines } = testLog();
  const alert = alertAbout();
  let readable = false;
  const outbox = new ShelvedOutbox<Alert>({
    read(slot) {
      if (!readable) throw new Fault('cannot use the state file "x": disk I/O error');
      return slot;
    },
    removed() {},
  }, true);
  outbox.add(alert.name, alert);
  const sink = new TestSink("test", 1);
  sink.ready = true;
  await using delivery = new Delivery([sink], () => ({ outbox, records: new TestRecords() }), log);
  delivery.pump();
  delivery.pump();
  await waitFor("another try", () => lines.length > 0);
  readable = true;
  await delivery.settled();
  assert.deepEqual(sink.confirmed, [alert.id]);
  assert.equal(
    lines[0],
    'warning sink test: cannot use the state file "x": disk I/O error; retrying',
  );
  assert.equal(lines.filter((line) => line.includes("retrying")).length, 1);
});

Deno.test("stats has of each sink its health, what is pending and how attempts ended", async () => {
  const sink = new TestSink("test", 3);
  const { delivery, notify } = deliveryTo(sink);
  const [lane] = delivery.stats;
  assert.equal(lane!.health.isUp, false);
  await delivery.start();
  assert.deepEqual([lane!.name, lane!.health.isUp, lane!.oldest], ["test", true, undefined]);
  notify("a", "b", "c");
  assert.equal(lane!.unconfirmed, 3);
  assert.ok(lane!.oldest !== undefined);
  sink.sending[0]!.confirm();
  sink.sending[0]!.fail(new Fault("too large", "rejected"));
  await happened();
  sink.sending[0]!.fail(new Fault("gone"));
  await happened();
  assert.deepEqual(lane!.attempts, { confirmed: 1, failed: 1, rejected: 1 });
  assert.deepEqual([lane!.health.isUp, lane!.health.problem], [false, "gone"]);
  assert.equal(lane!.seconds.counts.reduce((a, b) => a + b), 1);
  await delivery[Symbol.asyncDispose]();
});

Deno.test("alerts about one key are sent one after the other, those about others beside them", async () => {
  const sink = new TestSink("test", 10);
  const all = deliveryTo(sink);
  await using _ = all.delivery;
  const [first, other, second, third] = all.notify("a", "b", "a", "a");
  assert.deepEqual(sink.sent, [first, other]);
  sink.sending[1]!.confirm();
  await happened();
  assert.deepEqual(sink.sent, [first, other], "the second about a waits for the first");
  sink.sending[0]!.confirm();
  await waitFor("the second", () => sink.sent.length === 3);
  sink.sending[0]!.confirm();
  await waitFor("the third", () => sink.sent.length === 4);
  assert.deepEqual(sink.sent, [first, other, second, third]);
});

Deno.test("each confirmation is logged with sink, alert, key and time, at the level debug", async () => {
  const sink = new TestSink();
  sink.ready = true;
  const all = deliveryTo(sink);
  await using _ = all.delivery;
  const [id] = all.notify("a");
  await all.delivery.settled();
  assert.deepEqual(all.confirmations.map((line) => line.replace(/\d+ ms$/, "<time>")), [
    `debug sink test: confirmed alert ${id} for a after <time>`,
  ]);
});
