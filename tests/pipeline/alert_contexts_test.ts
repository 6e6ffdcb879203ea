// Alerts get the contexts of their loops before they are sent: nobody else waits, nothing is lost, the order is kept.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import type { ContextRequest } from "../../src/detection/alert/context.ts";
import type { AlertContext } from "../../src/detection/alert/details.ts";
import { detailsOf } from "../../src/detection/alert/details_of.ts";
import { type GroupMessage, Groups } from "../../src/detection/groups/groups.ts";
import { NodeProblems } from "../../src/detection/groups/problems.ts";
import { Fault } from "../../src/lib/errors.ts";
import { AlertContexts } from "../../src/pipeline/alert_contexts.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { groupAlert, GroupJournal } from "../helpers/groups.ts";
import { testLog } from "../helpers/log.ts";
import { Random } from "../helpers/random.ts";
import { partsOf, TestSink } from "../helpers/sink.ts";
import { haltTimers, happened } from "../helpers/timers.ts";

/** A sink that shows contexts, or does not. */
class ShowingSink extends TestSink {
  constructor(name = "people", concurrency = 1, readonly showsContexts = true) {
    super(name, concurrency);
  }
}

/** What was asked and has no answer yet. */
interface Asking {
  readonly request: ContextRequest;
  readonly signal: AbortSignal;
  answer(context?: AlertContext): void;
  fail(error: unknown): void;
}

const context = (looping: number): AlertContext => ({
  Allocations: { Total: 20, Looping: looping, Running: 0 },
});

/** A delivery to these sinks, whose alerts' contexts are in the test's hand. */
function deliveryTo(...sinks: ShowingSink[]) {
  const { log } = testLog();
  const store = new MemoryStore({ sinks: sinks.map(({ name }) => name), newerReplaces: true });
  const asking: Asking[] = [];
  const contexts = new AlertContexts((request, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<AlertContext>();
    asking.push({ request, signal, answer: (found = context(1)) => resolve(found), fail: reject });
    return promise;
  });
  const delivery = new Delivery(sinks, partsOf(store), log, undefined, contexts);
  return {
    delivery,
    contexts,
    asking,
    store,
    notify(name: string, differs: Partial<Alert> = {}): string {
      const alert = alertAbout(name, { loop: `loop of ${name}`, ...differs });
      store.enqueue(alert);
      delivery.pump();
      return alert.id;
    },
  };
}

/** What a sink was given: `a first 1`, with how many loop. */
const given = ({ sending }: TestSink) => sending.map(({ alert }) => shown(alert));
const shown = (alert: Alert) =>
  [alert.name, alert.reason, detailsOf(alert).Allocations?.Looping].filter((part) => part !== undefined).join(
    " ",
  );

Deno.test("an alert is sent when its context has come, with it, and others go before it through the only place", async () => {
  const sink = new ShowingSink();
  const { delivery, asking, notify } = deliveryTo(sink);
  notify("a");
  assert.deepEqual(given(sink), []);
  notify("b", { reason: "resolved" });
  assert.deepEqual(given(sink), ["b resolved"]);
  sink.sending[0]!.confirm();
  await happened();
  assert.equal(asking.length, 1, "an end has no context");
  asking[0]!.answer(context(3));
  await happened();
  assert.deepEqual(given(sink), ["a first 3"]);
  sink.sending[0]!.confirm();
  await happened();
  assert.equal(delivery.unconfirmed, 0);
});

Deno.test("every alert of a loop that goes on, or was given up, gets a context; it is asked about its task", () => {
  const sink = new ShowingSink("people", 10);
  const { asking, notify } = deliveryTo(sink);
  for (const reason of ["first", "repeat", "update", "gave-up", "resolved"] as const) {
    notify(`web.app[0] ${reason}`, {
      reason,
      lastEvent: JSON.stringify({
        Namespace: "prod",
        JobID: "web/periodic-1795602750",
        GroupName: "app",
        TaskName: "server",
        AllocationID: "2b1f6c9a",
        Name: "web.app[0]",
        TaskEvent: { Type: "Restarting", Time: 1 },
      }),
    });
  }
  assert.deepEqual(given(sink), ["web.app[0] resolved resolved"]);
  assert.deepEqual(
    asking.map(({ request }) => request),
    Array(4).fill({
      namespace: "prod",
      job: "web/periodic-1795602750",
      group: "app",
      task: "server",
      allocation: "2b1f6c9a",
    }),
  );
});

Deno.test("an alert to several sinks is asked about once; a sink that shows no contexts waits for none", async () => {
  const [slack, mail, queue] = [
    new ShowingSink("slack"),
    new ShowingSink("mail"),
    new ShowingSink("queue", 1, false),
  ];
  const { asking, contexts, notify } = deliveryTo(slack, mail, queue);
  notify("a");
  assert.deepEqual(given(queue), ["a first"]);
  assert.equal(asking.length, 1);
  asking[0]!.answer(context(2));
  await happened();
  assert.deepEqual([given(slack), given(mail)], [["a first 2"], ["a first 2"]]);
  assert.deepEqual(contexts.of("loop of a"), context(2));
  notify("b");
  assert.equal(asking.length, 1, "no sink has a place for it");
  slack.sending[0]!.confirm();
  await happened();
  asking[1]!.answer();
  await happened();
  mail.sending[0]!.confirm();
  await happened();
  assert.deepEqual([given(slack), given(mail)], [["b first 1"], ["b first 1"]]);
  assert.equal(asking.length, 2, "the later sink finds the answer");
});

Deno.test("the context of a group is that of the loop that speaks for it", async () => {
  const sink = new ShowingSink();
  const { asking, contexts, notify } = deliveryTo(sink);
  const journal = new GroupJournal();
  const groups = new Groups({ wait: 0n, digestAbove: 20 }, journal, new NodeProblems(journal));
  groups.take(groupAlert("first", { name: "web.group[0]/server", loop: "the speaker" }), 1n);
  groups.take(groupAlert("first", { name: "web.group[1]/server", loop: "another" }), 1n);
  const [{ alert }] = groups.due(1n) as [GroupMessage];
  notify("a", alert);
  asking[0]!.answer(context(2));
  await happened();
  assert.equal(sink.sending[0]!.alert.group, alert.group);
  assert.equal(sink.sending[0]!.alert.details!.Allocations!.Looping, 2);
  assert.deepEqual(contexts.of("the speaker"), context(2));
  assert.equal(contexts.of("another"), undefined);
});

Deno.test("alerts about one key are sent in their order, and a newer one waits for the one whose context is asked", async () => {
  const sink = new ShowingSink("people", 5);
  const { asking, notify } = deliveryTo(sink);
  notify("a");
  notify("a", { reason: "resolved" });
  await happened();
  assert.deepEqual(given(sink), []);
  asking[0]!.answer();
  await happened();
  assert.deepEqual(given(sink), ["a first 1"]);
  sink.sending[0]!.confirm();
  await happened();
  assert.deepEqual(given(sink), ["a resolved"]);
});

Deno.test("an alert that finds no place when its context has come is pending, and then sent without a question", async () => {
  const sink = new ShowingSink();
  const { delivery, asking, notify } = deliveryTo(sink);
  notify("a");
  notify("b", { reason: "resolved" });
  asking[0]!.answer(context(7));
  await happened();
  assert.equal(delivery.unconfirmed, 2);
  sink.sending[0]!.confirm();
  await happened();
  assert.deepEqual(given(sink), ["a first 7"]);
  assert.equal(asking.length, 1);
});

Deno.test("an alert is sent again with the context that it had", async () => {
  using timers = haltTimers();
  const sink = new ShowingSink();
  const { asking, notify } = deliveryTo(sink);
  notify("a");
  asking[0]!.answer(context(4));
  await happened();
  sink.sending[0]!.fail(new Fault("nobody is there"));
  await timers.pass(1_000);
  assert.deepEqual(given(sink), ["a first 4"]);
  assert.equal(asking.length, 1);
});

Deno.test("an alert whose sink fails meanwhile is pending until the sink is back", async () => {
  using timers = haltTimers();
  const sink = new ShowingSink();
  const { delivery, asking, notify } = deliveryTo(sink);
  notify("a");
  notify("b", { reason: "resolved" });
  sink.down = new Fault("nobody is there");
  sink.sending[0]!.fail(sink.down);
  await happened();
  asking[0]!.answer(context(5));
  await timers.pass(5_000);
  assert.deepEqual(given(sink), []);
  assert.equal(delivery.unconfirmed, 2);
  sink.down = undefined;
  await timers.pass(20_000);
  assert.deepEqual(given(sink), ["a first 5"]);
});

Deno.test("an alert whose question fails is sent without a context, and not asked about again", async () => {
  using timers = haltTimers();
  const sink = new ShowingSink();
  const { asking, notify } = deliveryTo(sink);
  notify("a");
  asking[0]!.fail(new Error("a bug"));
  await happened();
  assert.deepEqual(given(sink), ["a first"]);
  sink.sending[0]!.fail(new Fault("nobody is there"));
  await timers.pass(1_000);
  assert.deepEqual(given(sink), ["a first"]);
  assert.equal(asking.length, 1);
});

Deno.test("hurry() sends at once, without a context, what waits for one, and all that comes later", async () => {
  const sink = new ShowingSink("people", 2);
  const { delivery, asking, notify } = deliveryTo(sink);
  notify("a");
  notify("b");
  notify("c");
  const settled = delivery.settled();
  delivery.hurry();
  await happened();
  assert.ok(asking.every(({ signal }) => signal.aborted));
  assert.deepEqual(given(sink), ["a first", "b first"]);
  while (sink.sending.length > 0) {
    sink.sending[0]!.confirm();
    await happened();
  }
  await settled;
  notify("d");
  assert.deepEqual(given(sink), ["d first"]);
  assert.equal(asking.length, 3);
  assert.equal(sink.sent.length, 4);
});

Deno.test("disposal ends the questions and leaves the alerts in the outbox", async () => {
  const sink = new ShowingSink();
  const { delivery, asking, notify } = deliveryTo(sink);
  notify("a");
  await delivery[Symbol.asyncDispose]();
  await happened();
  assert.ok(asking[0]!.signal.aborted);
  assert.deepEqual(sink.sent, []);
  assert.equal(delivery.unconfirmed, 1);
});

Deno.test("a thousand alerts are asked about at a time, and more are sent without a context at once", async () => {
  const sink = new ShowingSink("people", 3);
  const { delivery, asking, contexts, notify } = deliveryTo(sink);
  for (let number = 0; number < 1002; number++) notify(`name ${number}`);
  assert.deepEqual(given(sink), ["name 1000 first", "name 1001 first"]);
  assert.equal(asking.length, 1000);
  for (const { answer } of asking) answer();
  await happened();
  assert.deepEqual(given(sink).slice(2), ["name 0 first 1"]);
  sink.ready = true;
  for (const { confirm } of [...sink.sending]) confirm();
  await delivery.settled();
  assert.equal(sink.confirmed.length, 1002);
  assert.equal(new Set(sink.sent).size, 1002);
  assert.equal(asking.length, 1000, "each was asked about once");
  notify("another");
  asking[1000]!.answer();
  await delivery.settled();
  assert.equal(contexts.of("loop of name 0"), undefined);
  assert.deepEqual(contexts.of("loop of name 1"), context(1));
});

Deno.test("whatever answers when and whatever fails, every alert arrives, each key's in order, none twice at a time", async () => {
  const random = new Random(20261125);
  for (let round = 0; round < 60; round++) {
    using timers = haltTimers();
    const sinks = [
      new ShowingSink("one", 1),
      new ShowingSink("three", 3),
      new ShowingSink("program", 2, false),
    ];
    const { delivery, asking, notify } = deliveryTo(...sinks);
    const last = new Map<string, string>();
    const sent = new Map<string, { readonly name: string; readonly number: number }>();
    for (let step = 0; step < 120; step++) {
      const what = random.below(10);
      if (what < 4) {
        const name = `name ${random.below(6)}`;
        const id = notify(name, { reason: random.pick(["first", "repeat", "resolved", "gave-up"] as const) });
        last.set(name, id);
        sent.set(id, { name, number: sent.size });
      } else if (what < 6 && asking.length > 0) {
        const [one] = asking.splice(random.below(asking.length), 1);
        if (random.chance(0.2)) one!.fail(new Error("no"));
        else one!.answer();
      } else if (what < 9) {
        const { sending } = random.pick(sinks);
        if (sending.length > 0) random.pick(sending).confirm();
      } else {
        const { sending } = random.pick(sinks);
        if (sending.length > 0) random.pick(sending).fail(new Fault("lost"));
      }
      await happened();
      for (const { sending, concurrency } of sinks) {
        assert.ok(sending.length <= concurrency);
        assert.equal(new Set(sending.map(({ alert }) => alert.name)).size, sending.length);
      }
    }
    if (random.chance(0.3)) delivery.hurry();
    for (let turn = 0; delivery.unconfirmed > 0; turn++) {
      assert.ok(turn < 100, `${delivery.unconfirmed} alerts are left`);
      for (const { answer } of asking.splice(0)) answer();
      for (const { sending } of sinks) for (const one of [...sending]) one.confirm();
      await timers.pass(500);
    }
    for (const { confirmed } of sinks) {
      assert.equal(new Set(confirmed).size, confirmed.length);
      for (const id of last.values()) assert.ok(confirmed.includes(id), "the last alert about each name");
    }
    for (const { confirmed } of sinks) {
      const newest = new Map<string, number>();
      for (const { name, number } of confirmed.map((id) => sent.get(id)!)) {
        assert.ok((newest.get(name) ?? -1) < number, "in order");
        newest.set(name, number);
      }
    }
  }
});
