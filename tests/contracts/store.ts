// What every store must do, wherever it keeps the state.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import type { StateStore, StoreContext } from "../../src/state/store.ts";
import type { InFlight, Outbox } from "../../src/state/outbox.ts";
import { alertAbout } from "../helpers/alerts.ts";

/** How a store is opened in a test. */
export interface StoreHome extends AsyncDisposable {
  /** Opens it; a durable one with what it kept. */
  open(context: StoreContext): StateStore;
  /** Opens what the process would leave behind if it were killed now; for a durable one. */
  openAsKilled?(context: StoreContext): StateStore;
}

/** One sink; newer alerts do not replace older ones. */
export const one: StoreContext = { sinks: ["stdout"], newerReplaces: false };

/** Takes everything that can be sent now; all of it is in flight then. */
export function takeAll(outbox: Outbox): InFlight[] {
  const taken: InFlight[] = [];
  for (let next = outbox.take(); next !== undefined; next = outbox.take()) taken.push(next);
  return taken;
}

/** The alerts of an outbox; it is unchanged afterwards. */
export function alertsIn(outbox: Outbox): Alert[] {
  const taken = takeAll(outbox);
  for (const { giveBack } of taken.toReversed()) giveBack();
  return taken.map(({ alert }) => alert);
}

/** Enqueues alerts and commits them. */
export function commitAlerts(store: StateStore, ...alerts: Alert[]): void {
  for (const alert of alerts) store.enqueue(alert);
  store.commit(0n);
}

/** Keys that are hard on files, maps and terminals. */
export const strangeNames = [
  "job.group[0]",
  "a\0b",
  "a\0c",
  "a",
  "a\\0b",
  "a\\\\0b",
  "\\",
  "\0",
  "'; DROP TABLE restarts; --",
  '"',
  "%_?",
  "é",
  "e\u0301",
  "😀\u{10ffff}",
  "\ufffd",
  "\u0001\u001b[31m\r\n",
  "__proto__",
  "constructor",
  " ",
  "x".repeat(100_000),
];

/** Registers the tests that a store must pass. */
export function storeContract(name: string, makeHome: () => StoreHome): void {
  const test = (what: string, use: (home: StoreHome) => Promise<void> | void) =>
    Deno.test(`${name}: ${what}`, async () => {
      await using home = makeHome();
      await use(home);
    });

  test("an outbox is empty at first", async ({ open }) => {
    await using store = open(one);
    const outbox = store.outbox("stdout");
    assert.equal(outbox.size, 0);
    assert.equal(outbox.take(), undefined);
    store.commit(0n);
    assert.equal(outbox.take(), undefined);
    assert.equal(outbox.has("job.group[0]"), false);
  });

  test("enqueue() puts an alert into the outbox of every sink, whole and by itself in each", async ({ open }) => {
    await using store = open({ sinks: ["stdout", "amqp"], newerReplaces: true });
    const alert = alertAbout("a", {
      lastEvent: '{"Name":"a","😀":"\\u0000\\ud800\\n","Time":1499867775401013209}',
      eventLog: [1_499_867_775_401_013_209n, -1n, (1n << 63n) - 1n, -(1n << 63n)],
      limit: 10_000,
    });
    commitAlerts(store, alert);
    for (const sink of ["stdout", "amqp"]) {
      const outbox = store.outbox(sink);
      assert.equal(outbox.size, 1);
      const inFlight = outbox.take()!;
      assert.deepEqual(inFlight.alert, alert);
      assert.equal(outbox.take(), undefined);
      inFlight.confirm();
      assert.equal(outbox.size, 0);
    }
  });

  test("take() takes the oldest first; giveBack() puts an alert back in its old place", async ({ open }) => {
    await using store = open(one);
    const alerts = ["a", "b", "c", "a", "b"].map((name) => alertAbout(name));
    commitAlerts(store, ...alerts);
    const outbox = store.outbox("stdout");
    const taken = takeAll(outbox);
    assert.deepEqual(taken.map(({ alert }) => alert), alerts);
    assert.equal(outbox.size, 5, "what is being sent counts");
    taken[3]!.giveBack();
    taken[1]!.giveBack();
    taken[0]!.confirm();
    commitAlerts(store, alertAbout("d"));
    assert.deepEqual(takeAll(outbox).map(({ alert }) => alert.name), ["b", "a", "d"]);
  });

  test("if newer ones replace, a newer alert takes the place of a pending one", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const [a1, b1, a2, a3, b2] = ["a", "b", "a", "a", "b"].map((name) => alertAbout(name));
    commitAlerts(store, a1!, b1!);
    commitAlerts(store, a2!);
    commitAlerts(store, a3!, b2!);
    const outbox = store.outbox("stdout");
    assert.equal(outbox.size, 2);
    assert.deepEqual(takeAll(outbox).map(({ alert }) => alert), [a3, b2]);
  });

  test("if newer ones replace, an alert in flight is not replaced; the newer one waits for it", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const outbox = store.outbox("stdout");
    const [a1, a2, a3] = ["a", "a", "a"].map((name) => alertAbout(name));
    commitAlerts(store, a1!);
    const sending = outbox.take()!;
    commitAlerts(store, a2!);
    commitAlerts(store, a3!, alertAbout("b"));
    assert.deepEqual(sending.alert, a1);
    assert.equal(outbox.size, 3);
    assert.deepEqual(takeAll(outbox).map(({ alert }) => alert.name), ["b"], "one of a name at a time");
    sending.confirm();
    assert.deepEqual(outbox.take()!.alert, a3);
    assert.equal(outbox.take(), undefined);
  });

  test("if newer ones replace, a returned alert gives way to a newer pending one", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const outbox = store.outbox("stdout");
    const [a1, a2] = ["a", "a"].map((name) => alertAbout(name));
    commitAlerts(store, a1!);
    const sending = outbox.take()!;
    commitAlerts(store, a2!);
    sending.giveBack();
    assert.equal(outbox.size, 1);
    const again = outbox.take()!;
    assert.deepEqual(again.alert, a2);
    again.giveBack();
    assert.deepEqual(outbox.take()!.alert, a2);
  });

  test("if newer ones replace, a returned alert is replaced by the next one", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const outbox = store.outbox("stdout");
    commitAlerts(store, alertAbout("a"), alertAbout("b"));
    outbox.take()!.giveBack();
    const newer = alertAbout("a");
    commitAlerts(store, newer);
    assert.equal(outbox.size, 2);
    assert.deepEqual(alertsIn(outbox).map(({ name }) => name), ["a", "b"]);
    assert.deepEqual(outbox.take()!.alert, newer);
  });

  test("sinks are independent: one that has confirmed gets the next while another still sends", async ({ open }) => {
    await using store = open({ sinks: ["stdout", "amqp"], newerReplaces: true });
    commitAlerts(store, alertAbout("a"));
    store.outbox("stdout").take()!.confirm();
    const sending = store.outbox("amqp").take()!;
    const newer = alertAbout("a");
    commitAlerts(store, newer);
    assert.deepEqual(store.outbox("stdout").take()!.alert, newer);
    assert.equal(store.outbox("amqp").take(), undefined);
    sending.confirm();
    assert.deepEqual(store.outbox("amqp").take()!.alert, newer);
  });

  for (const newerReplaces of [true, false]) {
    test(`outbox.has() is true until all alerts about a key are confirmed, newerReplaces: ${newerReplaces}`, async ({ open }) => {
      await using store = open({ ...one, newerReplaces });
      const outbox = store.outbox("stdout");
      commitAlerts(store, alertAbout("a"), alertAbout("b"));
      const has = () => ["a", "b", "c"].map((name) => outbox.has(name));
      assert.deepEqual(has(), [true, true, false]);
      const sending = outbox.take()!;
      assert.equal(sending.alert.name, "a");
      commitAlerts(store, alertAbout("a")); // behind the one that is being sent
      sending.confirm();
      assert.deepEqual(has(), [true, true, false]);
      for (const inFlight of takeAll(outbox)) {
        inFlight.giveBack();
        assert.deepEqual(has(), [true, true, false]);
      }
      const inFlight = takeAll(outbox);
      const find = (name: string) => inFlight.find(({ alert }) => alert.name === name)!;
      commitAlerts(store, alertAbout("a"));
      find("a").giveBack(); // where newer ones replace, the newer one is there in its place
      assert.deepEqual(has(), [true, true, false]);
      find("b").confirm();
      assert.deepEqual(has(), [true, false, false]);
      for (let inFlight; (inFlight = outbox.take()) !== undefined;) inFlight.confirm();
      assert.deepEqual(has(), [false, false, false]);
      assert.equal(outbox.size, 0);
    });
  }

  test("keys are kept apart, whatever is in them", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    commitAlerts(store, ...strangeNames.map((name) => alertAbout(name)));
    assert.deepEqual(alertsIn(store.outbox("stdout")).map(({ name }) => name), strangeNames);
    commitAlerts(store, ...strangeNames.map((name) => alertAbout(name)));
    assert.equal(store.outbox("stdout").size, strangeNames.length);
  });

  test("commit() works with nothing to commit, and several times", async ({ open }) => {
    await using store = open(one);
    for (let time = 0n; time < 3n; time++) store.commit(time);
    commitAlerts(store, alertAbout("a"));
    store.commit(5n);
    assert.equal(store.outbox("stdout").size, 1);
  });

  test("10,000 alerts are taken one by one, in their order", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const alerts = Array.from({ length: 10_000 }, (_, index) => alertAbout(`name ${index}`));
    commitAlerts(store, ...alerts);
    const outbox = store.outbox("stdout");
    for (const { id } of alerts) {
      const inFlight = outbox.take()!;
      assert.equal(inFlight.alert.id, id);
      inFlight.confirm();
    }
    assert.equal(outbox.size, 0);
  });
}
