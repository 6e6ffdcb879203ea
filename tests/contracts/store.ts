// What every ledger must do, whatever it keeps its things in.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import type { Notified } from "../../src/detection/restarts/state.ts";
import type { StateStore, StoreContext } from "../../src/state/store.ts";
import type { Outbox, Parcel } from "../../src/state/outbox.ts";
import type { FailureStreak } from "../../src/detection/failures/streak.ts";
import type { Counted } from "../../src/detection/restarts/windows.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { Random } from "../helpers/random.ts";

/** How a ledger is opened in a test. */
export interface LedgerHome extends AsyncDisposable {
  /** Opens it, again with what it kept where it is durable. */
  open(context: StoreContext): StateStore;
  /** Opens what the process would leave behind if it were killed now. Only where it is durable. */
  openAsKilled?(context: StoreContext): StateStore;
}

const one: StoreContext = { sinks: ["stdout"], newerReplaces: false };

/** Takes everything that can be sent now; each is still being sent then. */
export function takeAll(outbox: Outbox): Parcel[] {
  const parcels: Parcel[] = [];
  for (let next = outbox.take(); next !== undefined; next = outbox.take()) parcels.push(next);
  return parcels;
}

/** The alerts of an outbox, which is as before afterwards. */
function alertsIn(outbox: Outbox): Alert[] {
  const parcels = takeAll(outbox);
  for (const { returned } of parcels.toReversed()) returned();
  return parcels.map(({ alert }) => alert);
}

function tell(store: StateStore, ...alerts: Alert[]): void {
  for (const alert of alerts) store.enqueue(alert);
  store.commit(0n);
}

/** Names that are hard on files, maps and terminals. */
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

/** Registers the tests that a ledger must pass. */
export function ledgerContract(name: string, makeHome: () => LedgerHome): void {
  const test = (what: string, use: (home: LedgerHome) => Promise<void> | void) =>
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

  test("tell() puts an alert into the outbox of every sink, whole and by itself in each", async ({ open }) => {
    await using store = open({ sinks: ["stdout", "amqp"], newerReplaces: true });
    const alert = alertAbout("a", {
      lastEvent: '{"Name":"a","😀":"\\u0000\\ud800\\n","Time":1499867775401013209}',
      eventLog: [1_499_867_775_401_013_209n, -1n, (1n << 63n) - 1n, -(1n << 63n)],
      limit: 10_000,
    });
    tell(store, alert);
    for (const sink of ["stdout", "amqp"]) {
      const outbox = store.outbox(sink);
      assert.equal(outbox.size, 1);
      const parcel = outbox.take()!;
      assert.deepEqual(parcel.alert, alert);
      assert.equal(outbox.take(), undefined);
      parcel.confirmed();
      assert.equal(outbox.size, 0);
    }
  });

  test("take() yields the oldest first; what is returned waits in its old place", async ({ open }) => {
    await using store = open(one);
    const alerts = ["a", "b", "c", "a", "b"].map((name) => alertAbout(name));
    tell(store, ...alerts);
    const outbox = store.outbox("stdout");
    const parcels = takeAll(outbox);
    assert.deepEqual(parcels.map(({ alert }) => alert), alerts);
    assert.equal(outbox.size, 5, "what is being sent counts");
    parcels[3]!.returned();
    parcels[1]!.returned();
    parcels[0]!.confirmed();
    tell(store, alertAbout("d"));
    assert.deepEqual(takeAll(outbox).map(({ alert }) => alert.name), ["b", "a", "d"]);
  });

  test("where newer ones replace, a newer alert takes the place of one that waits", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const [a1, b1, a2, a3, b2] = ["a", "b", "a", "a", "b"].map((name) => alertAbout(name));
    tell(store, a1!, b1!);
    tell(store, a2!);
    tell(store, a3!, b2!);
    const outbox = store.outbox("stdout");
    assert.equal(outbox.size, 2);
    assert.deepEqual(takeAll(outbox).map(({ alert }) => alert), [a3, b2]);
  });

  test("where newer ones replace, an alert that is being sent is not replaced; the newer one waits for it", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const outbox = store.outbox("stdout");
    const [a1, a2, a3] = ["a", "a", "a"].map((name) => alertAbout(name));
    tell(store, a1!);
    const sending = outbox.take()!;
    tell(store, a2!);
    tell(store, a3!, alertAbout("b"));
    assert.deepEqual(sending.alert, a1);
    assert.equal(outbox.size, 3);
    assert.deepEqual(takeAll(outbox).map(({ alert }) => alert.name), ["b"], "one of a name at a time");
    sending.confirmed();
    assert.deepEqual(outbox.take()!.alert, a3);
    assert.equal(outbox.take(), undefined);
  });

  test("where newer ones replace, what is returned gives way to a newer one that waits", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const outbox = store.outbox("stdout");
    const [a1, a2] = ["a", "a"].map((name) => alertAbout(name));
    tell(store, a1!);
    const sending = outbox.take()!;
    tell(store, a2!);
    sending.returned();
    assert.equal(outbox.size, 1);
    const again = outbox.take()!;
    assert.deepEqual(again.alert, a2);
    again.returned();
    assert.deepEqual(outbox.take()!.alert, a2);
  });

  test("where newer ones replace, what is returned is replaced by the next one", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const outbox = store.outbox("stdout");
    tell(store, alertAbout("a"), alertAbout("b"));
    outbox.take()!.returned();
    const newer = alertAbout("a");
    tell(store, newer);
    assert.equal(outbox.size, 2);
    assert.deepEqual(alertsIn(outbox).map(({ name }) => name), ["a", "b"]);
    assert.deepEqual(outbox.take()!.alert, newer);
  });

  test("sinks are apart: one that has confirmed gets the next while another still sends", async ({ open }) => {
    await using store = open({ sinks: ["stdout", "amqp"], newerReplaces: true });
    tell(store, alertAbout("a"));
    store.outbox("stdout").take()!.confirmed();
    const sending = store.outbox("amqp").take()!;
    const newer = alertAbout("a");
    tell(store, newer);
    assert.deepEqual(store.outbox("stdout").take()!.alert, newer);
    assert.equal(store.outbox("amqp").take(), undefined);
    sending.confirmed();
    assert.deepEqual(store.outbox("amqp").take()!.alert, newer);
  });

  for (const newerReplaces of [true, false]) {
    test(`outbox.has() is true until all alerts about a key are confirmed, newerReplaces: ${newerReplaces}`, async ({ open }) => {
      await using store = open({ ...one, newerReplaces });
      const outbox = store.outbox("stdout");
      tell(store, alertAbout("a"), alertAbout("b"));
      const has = () => ["a", "b", "c"].map((name) => outbox.has(name));
      assert.deepEqual(has(), [true, true, false]);
      const sending = outbox.take()!;
      assert.equal(sending.alert.name, "a");
      tell(store, alertAbout("a")); // behind the one that is being sent
      sending.confirmed();
      assert.deepEqual(has(), [true, true, false]);
      for (const parcel of takeAll(outbox)) {
        parcel.returned();
        assert.deepEqual(has(), [true, true, false]);
      }
      const inFlight = takeAll(outbox);
      const find = (name: string) => inFlight.find(({ alert }) => alert.name === name)!;
      tell(store, alertAbout("a"));
      find("a").returned(); // where newer ones replace, the newer one is there in its place
      assert.deepEqual(has(), [true, true, false]);
      find("b").confirmed();
      assert.deepEqual(has(), [true, false, false]);
      for (let parcel; (parcel = outbox.take()) !== undefined;) parcel.confirmed();
      assert.deepEqual(has(), [false, false, false]);
      assert.equal(outbox.size, 0);
    });
  }

  test("names are kept apart, whatever is in them", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    tell(store, ...strangeNames.map((name) => alertAbout(name)));
    assert.deepEqual(alertsIn(store.outbox("stdout")).map(({ name }) => name), strangeNames);
    tell(store, ...strangeNames.map((name) => alertAbout(name)));
    assert.equal(store.outbox("stdout").size, strangeNames.length);
  });

  test("commit() of nothing, and again, is fine", async ({ open }) => {
    await using store = open(one);
    for (let time = 0n; time < 3n; time++) store.commit(time);
    tell(store, alertAbout("a"));
    store.commit(5n);
    assert.equal(store.outbox("stdout").size, 1);
  });

  test("10,000 alerts and more are told one by one, in their order", async ({ open }) => {
    await using store = open({ ...one, newerReplaces: true });
    const alerts = Array.from({ length: 10_000 }, (_, index) => alertAbout(`name ${index}`));
    tell(store, ...alerts);
    const outbox = store.outbox("stdout");
    for (const { id } of alerts) {
      const parcel = outbox.take()!;
      assert.equal(parcel.alert.id, id);
      parcel.confirmed();
    }
    assert.equal(outbox.size, 0);
  });
}

let arrival = 0;

/** A restart that leaves at 1,000, unless told otherwise. */
function counted(differs: Partial<Counted> = {}): Counted {
  return { time: 900n, identity: arrival, leavesAt: 1_000n, arrival: arrival++, ...differs };
}

function notifiedAt(time: bigint, differs: Partial<Notified> = {}): Notified {
  return {
    notifiedAt: time,
    id: "0123456789abcdef0123456789abcdef",
    repeats: 0,
    lastEvent: "{}",
    ...differs,
  };
}

/** What a ledger kept, and what its outboxes hold. */
interface Contents {
  readonly restarts: readonly (readonly [name: string, restart: Counted])[];
  readonly notified: Readonly<Record<string, Notified>>;
  readonly alerts: Readonly<Record<string, readonly Alert[]>>;
}

function contentsOf(store: StateStore, sinks: readonly string[]): Contents {
  return {
    restarts: [...store.kept.restarts()],
    notified: Object.fromEntries(store.kept.notified()),
    alerts: Object.fromEntries(sinks.map((sink) => [sink, alertsIn(store.outbox(sink))])),
  };
}

/** Registers the tests that a ledger must pass which outlives the process. */
export function durableLedgerContract(name: string, makeHome: () => LedgerHome): void {
  const test = (what: string, use: (home: LedgerHome) => Promise<void> | void) =>
    Deno.test(`${name}: ${what}`, async () => {
      await using home = makeHome();
      await use(home);
    });

  test("what is committed is there after closing and opening, restarts in order of arrival", async ({ open }) => {
    const restarts = [counted({ leavesAt: 1_500n }), counted(), counted({ time: -5n, leavesAt: 1_200n })];
    const alert = alertAbout("a");
    {
      await using store = open(one);
      store.counted("b", restarts[0]!);
      store.counted("a", restarts[1]!);
      store.counted("b", restarts[2]!);
      store.notified("a", notifiedAt(7n, { repeats: 3, lastEvent: '{"a":"é😀"}' }));
      store.enqueue(alert);
      store.commit(999n);
    }
    await using store = open(one);
    assert.deepEqual(contentsOf(store, ["stdout"]), {
      restarts: [["b", restarts[0]], ["a", restarts[1]], ["b", restarts[2]]],
      notified: { a: notifiedAt(7n, { repeats: 3, lastEvent: '{"a":"é😀"}' }) },
      alerts: { stdout: [alert] },
    });
  });

  test("what is not committed is lost with the process, and nothing else", async ({ open }) => {
    {
      await using store = open(one);
      store.counted("a", counted({ identity: 1 }));
      store.notified("a", notifiedAt(1n));
      tell(store, alertAbout("a"));
      store.counted("a", counted({ identity: 2 }));
      store.notified("a", undefined);
      store.notified("b", notifiedAt(2n));
      store.enqueue(alertAbout("b"));
    }
    await using store = open(one);
    const { restarts, notified, alerts } = contentsOf(store, ["stdout"]);
    assert.deepEqual(restarts.map(([name, { identity }]) => [name, identity]), [["a", 1]]);
    assert.deepEqual(notified, { a: notifiedAt(1n) });
    assert.deepEqual(alerts.stdout!.map(({ name }) => name), ["a"]);
  });

  test("numbers are kept to the last digit, at the limits of 64 and of 53 bits", async ({ open }) => {
    const [least, most] = [-(1n << 63n), (1n << 63n) - 1n];
    const times = [least, least + 1n, -1n, 0n, 1_499_867_775_401_013_209n, most - 1n, most];
    const identities = [0, 2 ** 31, 2 ** 32 + 1, 2 ** 51 + 1, 2 ** 53 - 2, 2 ** 53 - 1];
    const restarts = times.flatMap((time) =>
      identities.map((identity) => counted({ time, identity, leavesAt: most, arrival: arrival += 2 ** 40 }))
    );
    {
      await using store = open(one);
      for (const restart of restarts) store.counted("a", restart);
      for (const time of times) store.notified(String(time), notifiedAt(time, { repeats: 2 ** 53 - 1 }));
      store.commit(most - 1n);
    }
    await using store = open(one);
    const { notified, restarts: kept } = contentsOf(store, []);
    assert.deepEqual(kept.map(([, restart]) => restart), restarts);
    for (const time of times) {
      assert.deepEqual(notified[String(time)], notifiedAt(time, { repeats: 2 ** 53 - 1 }));
    }
    store.dropped("a", restarts[40]!);
    store.commit(most - 1n);
    assert.equal([...store.kept.restarts()].length, restarts.length - 1);
  });

  test("names are kept to the last character, whatever is in them", async ({ open }) => {
    {
      await using store = open({ ...one, newerReplaces: true });
      for (const name of strangeNames) {
        store.counted(name, counted({ identity: 1, time: 1n }));
        store.notified(name, notifiedAt(1n, { lastEvent: JSON.stringify(name) }));
        store.enqueue(alertAbout(name));
      }
      store.commit(0n);
    }
    await using store = open({ ...one, newerReplaces: true });
    assert.deepEqual([...store.kept.restarts()].map(([name]) => name), strangeNames);
    assert.deepEqual([...store.kept.notified()].map(([name]) => name).sort(), strangeNames.toSorted());
    for (const [name, { lastEvent }] of store.kept.notified()) assert.equal(lastEvent, JSON.stringify(name));
    tell(store, ...strangeNames.map((name) => alertAbout(name)));
    assert.equal(store.outbox("stdout").size, strangeNames.length, "each replaces its own");
    for (const name of strangeNames) {
      store.dropped(name, { time: 1n, identity: 1, leavesAt: 1_000n, arrival: 0 });
      store.notified(name, undefined);
    }
    store.commit(0n);
    assert.deepEqual([...store.kept.restarts(), ...store.kept.notified()], []);
  });

  test("commit() forgets restarts that left by its time, to the nanosecond", async ({ open }) => {
    {
      await using store = open(one);
      for (const leavesAt of [99n, 100n, 101n]) store.counted("a", counted({ leavesAt }));
      store.commit(98n);
      assert.equal([...store.kept.restarts()].length, 3);
      store.counted("b", counted({ leavesAt: 500n }));
      store.commit(100n);
    }
    await using store = open(one);
    assert.deepEqual([...store.kept.restarts()].map(([, { leavesAt }]) => leavesAt), [101n, 500n]);
  });

  test("a restart that is dropped and counted in one commit is as it was last", async ({ open }) => {
    const [kept, gone] = [counted(), counted()];
    {
      await using store = open(one);
      store.counted("a", kept);
      store.counted("a", gone);
      store.commit(0n);
      store.dropped("a", kept);
      store.counted("a", { ...kept, arrival: 77 });
      store.dropped("a", gone);
      store.counted("a", gone);
      store.dropped("a", gone);
      store.commit(0n);
    }
    await using store = open(one);
    assert.deepEqual([...store.kept.restarts()], [["a", { ...kept, arrival: 77 }]]);
  });

  test("told() keeps the last of several reports, and forgets where the last is nothing", async ({ open }) => {
    {
      await using store = open(one);
      for (const name of ["a", "b", "c"]) store.notified(name, notifiedAt(1n));
      store.commit(0n);
      store.notified("a", undefined);
      store.notified("a", notifiedAt(2n));
      store.notified("b", notifiedAt(3n));
      store.notified("b", undefined);
      store.notified("new", undefined);
      store.commit(0n);
    }
    await using store = open(one);
    assert.deepEqual(contentsOf(store, []).notified, { a: notifiedAt(2n), c: notifiedAt(1n) });
  });

  test("row() keeps the last of several reports, its numbers to the last digit, and forgets where that is nothing", async ({ open }) => {
    const [least, most] = [-(1n << 63n), (1n << 63n) - 1n];
    const row = (name: string, since: bigint): FailureStreak => ({
      key: { Namespace: "default", JobID: name, TaskGroup: "web", Index: 0, Task: "server" },
      failures: 3,
      missed: 1,
      since,
      newest: most,
      runs: [
        { allocation: "b", createIndex: 0, newest: -1n, killing: true },
        { allocation: "a", createIndex: 7, newest: most, startedAt: 9_007_199_254_740_993n },
      ],
      clearedAt: least,
      log: [{ time: 1_499_867_775_401_013_209n, identity: 2 ** 53 - 1, last: true }],
      ended: { time: 0n, code: 137, signal: 9, outOfMemory: true, runtime: 1n, killed: false },
      cause: "because",
      nextAttempt: 5n,
      node: { ID: "n", Name: "" },
      events: [{ Time: 1n, Type: "Restarting", DisplayMessage: '{"int64":"7"}' }],
      lastEvent: '{"int64":"7","TaskEvent":{"Time":1}}',
      notified: { id: "1", repeats: 2, at: most, resolved: false },
    });
    {
      await using store = open(one);
      for (const name of [...strangeNames, "gone"]) store.put("streaks", name, row(name, 1n));
      store.commit(0n);
      store.put("streaks", "a", undefined);
      store.put("streaks", "a", row("a", 2n));
      store.put("streaks", "gone", row("gone", 2n));
      store.put("streaks", "gone", undefined);
      store.put("streaks", "new", undefined);
      store.commit(most);
      store.put("streaks", "a", row("a", 3n));
    }
    await using store = open(one);
    const rows = new Map(store.kept.entries<FailureStreak>("streaks"));
    assert.deepEqual([...rows.keys()].sort(), strangeNames.toSorted());
    for (const name of strangeNames) assert.deepEqual(rows.get(name), row(name, name === "a" ? 2n : 1n));
  });

  test("remember() keeps the last of several reports, in their order, and forgets where that is nothing", async ({ open }) => {
    {
      await using store = open(one);
      for (const id of ["a", "b", "c", "d"]) store.remember(id, `{"of":"${id}\\u0000"}`);
      store.commit(0n);
      store.remember("a", "later");
      store.remember("c", undefined);
      store.remember("d", "x");
      store.remember("d", "é".repeat(10_000));
      store.remember("new", undefined);
      store.commit(1n << 62n);
      store.remember("b", "not committed");
    }
    await using store = open(one);
    assert.deepEqual([...store.kept.remembered()], [
      ["b", `{"of":"b\\u0000"}`],
      ["a", "later"],
      ["d", "é".repeat(10_000)],
    ]);
  });

  test("an alert leaves each sink's outbox for good once it is confirmed and committed", async ({ open }) => {
    const context = { sinks: ["stdout", "amqp"], newerReplaces: true };
    const alerts = ["a", "b", "c"].map((name) => alertAbout(name));
    {
      await using store = open(context);
      tell(store, ...alerts);
      store.outbox("stdout").take()!.confirmed();
      const [, b] = takeAll(store.outbox("amqp"));
      b!.confirmed();
      store.commit(0n);
    }
    {
      await using store = open(context);
      assert.deepEqual(contentsOf(store, context.sinks).alerts, {
        stdout: [alerts[1], alerts[2]],
        amqp: [alerts[0], alerts[2]],
      });
      store.outbox("stdout").take()!.confirmed();
    }
    await using store = open(context);
    assert.equal(store.outbox("stdout").size, 2, "without a commit it is told again");
  });

  test("an alert that was replaced is the newer one after opening, in the old place", async ({ open }) => {
    const context = { ...one, newerReplaces: true };
    const newer = alertAbout("a");
    const other = alertAbout("b");
    {
      await using store = open(context);
      tell(store, alertAbout("a"), other);
      tell(store, newer);
    }
    await using store = open(context);
    assert.deepEqual(contentsOf(store, ["stdout"]).alerts, { stdout: [newer, other] });
  });

  test("where newer ones replace, of several about a name that were kept otherwise the newest waits", async ({ open }) => {
    const alerts = ["a", "b", "a", "a"].map((name) => alertAbout(name));
    {
      await using store = open(one);
      tell(store, ...alerts);
    }
    {
      await using store = open({ ...one, newerReplaces: true });
      assert.deepEqual(contentsOf(store, ["stdout"]).alerts, { stdout: [alerts[1], alerts[3]] });
      tell(store, alerts[0]!);
    }
    await using store = open({ ...one, newerReplaces: true });
    assert.deepEqual(contentsOf(store, ["stdout"]).alerts, { stdout: [alerts[1], alerts[0]] });
  });

  test("alerts of a sink that is not there wait for it; a new sink gets the alerts from then on", async ({ open }) => {
    const [old, later] = [alertAbout("a"), alertAbout("a")];
    {
      await using store = open({ sinks: ["stdout", "amqp"], newerReplaces: true });
      tell(store, old);
    }
    {
      await using store = open({ sinks: ["stdout", "kinesis"], newerReplaces: true });
      assert.equal(store.outbox("kinesis").size, 0);
      tell(store, later);
      assert.deepEqual(contentsOf(store, ["stdout", "kinesis"]).alerts, {
        stdout: [later],
        kinesis: [later],
      });
    }
    await using store = open({ sinks: ["amqp"], newerReplaces: true });
    assert.deepEqual(contentsOf(store, ["amqp"]).alerts, { amqp: [old] });
  });

  test("what a killed process leaves behind is what it committed last, at 300 random moments", async (home) => {
    const random = new Random(20170712);
    const context = { sinks: ["stdout", "amqp"], newerReplaces: true };
    const names = ["a", "b", "c"];
    await using store = home.open(context);
    let restarts: [string, Counted][] = [];
    let notified: Record<string, Notified> = {};
    let committed: Contents = { restarts: [], notified: {}, alerts: { stdout: [], amqp: [] } };
    let now = 0n;
    for (let moment = 0; moment < 300; moment++) {
      for (let left = random.below(8); left > 0; left--) {
        const name = random.pick(names);
        now += BigInt(random.below(50));
        if (random.chance(0.6)) {
          const restart = counted({ time: now, leavesAt: now + BigInt(random.between(1, 1_000)) });
          store.counted(name, restart);
          restarts.push([name, restart]);
        } else if (random.chance(0.3) && restarts.length > 0) {
          const [[of, restart]] = restarts.splice(random.below(restarts.length), 1) as [[string, Counted]];
          store.dropped(of, restart);
        } else {
          const value = random.chance(0.7)
            ? notifiedAt(now, { lastEvent: "x".repeat(random.below(5_000)) })
            : undefined;
          store.notified(name, value);
          const { [name]: _, ...others } = notified;
          notified = value === undefined ? others : { ...others, [name]: value };
        }
        if (random.chance(0.3)) store.enqueue(alertAbout(name));
        if (random.chance(0.3)) store.outbox(random.pick(context.sinks)).take()?.confirmed();
      }
      if (random.chance(0.7)) {
        store.commit(now);
        const at = now;
        restarts = restarts.filter(([, { leavesAt }]) => leavesAt > at);
        const alerts = Object.fromEntries(context.sinks.map((sink) => [sink, alertsIn(store.outbox(sink))]));
        committed = { restarts: [...restarts], notified, alerts };
      }
      await using left = home.openAsKilled!(context);
      assert.deepEqual(contentsOf(left, context.sinks), committed, `moment ${moment}`);
    }
    assert.ok(now > 5_000n);
  });
}
