// What every store must do whose state survives the process.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import type { Notified } from "../../src/detection/restarts/state.ts";
import type { StateStore } from "../../src/state/store.ts";
import type { FailureStreak } from "../../src/detection/failures/streak.ts";
import type { Counted } from "../../src/detection/restarts/windows.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { Random } from "../helpers/random.ts";
import { alertsIn, commitAlerts, one, type StoreHome, strangeNames, takeAll } from "./store.ts";

let arrival = 0;

/** A restart that leaves at 1,000, unless `differs` says otherwise. */
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

/** Registers the tests that a store must pass whose state survives the process. */
export function durableStoreContract(name: string, makeHome: () => StoreHome): void {
  const test = (what: string, use: (home: StoreHome) => Promise<void> | void) =>
    Deno.test(`${name}: ${what}`, async () => {
      await using home = makeHome();
      await use(home);
    });

  test("what is committed is there after reopening, restarts in order of arrival", async ({ open }) => {
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
      commitAlerts(store, alertAbout("a"));
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
    const [minTime, maxTime] = [-(1n << 63n), (1n << 63n) - 1n];
    const times = [minTime, minTime + 1n, -1n, 0n, 1_499_867_775_401_013_209n, maxTime - 1n, maxTime];
    const identities = [0, 2 ** 31, 2 ** 32 + 1, 2 ** 51 + 1, 2 ** 53 - 2, 2 ** 53 - 1];
    const restarts = times.flatMap((time) =>
      identities.map((identity) =>
        counted({ time, identity, leavesAt: maxTime, arrival: arrival += 2 ** 40 })
      )
    );
    {
      await using store = open(one);
      for (const restart of restarts) store.counted("a", restart);
      for (const time of times) store.notified(String(time), notifiedAt(time, { repeats: 2 ** 53 - 1 }));
      store.commit(maxTime - 1n);
    }
    await using store = open(one);
    const { notified, restarts: kept } = contentsOf(store, []);
    assert.deepEqual(kept.map(([, restart]) => restart), restarts);
    for (const time of times) {
      assert.deepEqual(notified[String(time)], notifiedAt(time, { repeats: 2 ** 53 - 1 }));
    }
    store.dropped("a", restarts[40]!);
    store.commit(maxTime - 1n);
    assert.equal([...store.kept.restarts()].length, restarts.length - 1);
  });

  test("keys are kept to the last character, whatever is in them", async ({ open }) => {
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
    commitAlerts(store, ...strangeNames.map((name) => alertAbout(name)));
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

  test("a restart that is dropped and counted in one commit is as last reported", async ({ open }) => {
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

  test("notified() keeps the last of several reports, and forgets the key if the last is undefined", async ({ open }) => {
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

  test("put() keeps the last of several values, its numbers to the last digit, and forgets the key if that is undefined", async ({ open }) => {
    const [minTime, maxTime] = [-(1n << 63n), (1n << 63n) - 1n];
    const streak = (name: string, since: bigint): FailureStreak => ({
      key: { Namespace: "default", JobID: name, TaskGroup: "web", Index: 0, Task: "server" },
      failures: 3,
      missed: 1,
      since,
      newest: maxTime,
      runs: [
        { allocation: "b", createIndex: 0, newest: -1n, killing: true },
        { allocation: "a", createIndex: 7, newest: maxTime, startedAt: 9_007_199_254_740_993n },
      ],
      clearedAt: minTime,
      log: [{ time: 1_499_867_775_401_013_209n, identity: 2 ** 53 - 1, last: true }],
      ended: { time: 0n, code: 137, signal: 9, outOfMemory: true, runtime: 1n, killed: false },
      cause: "because",
      nextAttempt: 5n,
      node: { ID: "n", Name: "" },
      events: [{ Time: 1n, Type: "Restarting", DisplayMessage: '{"int64":"7"}' }],
      lastEvent: '{"int64":"7","TaskEvent":{"Time":1}}',
      notified: { id: "1", repeats: 2, at: maxTime, resolved: false },
    });
    {
      await using store = open(one);
      for (const name of [...strangeNames, "gone"]) store.put("streaks", name, streak(name, 1n));
      store.commit(0n);
      store.put("streaks", "a", undefined);
      store.put("streaks", "a", streak("a", 2n));
      store.put("streaks", "gone", streak("gone", 2n));
      store.put("streaks", "gone", undefined);
      store.put("streaks", "new", undefined);
      store.commit(maxTime);
      store.put("streaks", "a", streak("a", 3n));
    }
    await using store = open(one);
    const kept = new Map(store.kept.entries<FailureStreak>("streaks"));
    assert.deepEqual([...kept.keys()].sort(), strangeNames.toSorted());
    for (const name of strangeNames) assert.deepEqual(kept.get(name), streak(name, name === "a" ? 2n : 1n));
  });

  test("remember() keeps the last of several texts, in their order, and forgets the loop if that is undefined", async ({ open }) => {
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
      commitAlerts(store, ...alerts);
      store.outbox("stdout").take()!.confirm();
      const [, b] = takeAll(store.outbox("amqp"));
      b!.confirm();
      store.commit(0n);
    }
    {
      await using store = open(context);
      assert.deepEqual(contentsOf(store, context.sinks).alerts, {
        stdout: [alerts[1], alerts[2]],
        amqp: [alerts[0], alerts[2]],
      });
      store.outbox("stdout").take()!.confirm();
    }
    await using store = open(context);
    assert.equal(store.outbox("stdout").size, 2, "without a commit it is pending again");
  });

  test("an alert that was replaced is the newer one after opening, in the old place", async ({ open }) => {
    const context = { ...one, newerReplaces: true };
    const newer = alertAbout("a");
    const other = alertAbout("b");
    {
      await using store = open(context);
      commitAlerts(store, alertAbout("a"), other);
      commitAlerts(store, newer);
    }
    await using store = open(context);
    assert.deepEqual(contentsOf(store, ["stdout"]).alerts, { stdout: [newer, other] });
  });

  test("if newer ones replace, the newest of several kept alerts about a key is pending", async ({ open }) => {
    const alerts = ["a", "b", "a", "a"].map((name) => alertAbout(name));
    {
      await using store = open(one);
      commitAlerts(store, ...alerts);
    }
    {
      await using store = open({ ...one, newerReplaces: true });
      assert.deepEqual(contentsOf(store, ["stdout"]).alerts, { stdout: [alerts[1], alerts[3]] });
      commitAlerts(store, alerts[0]!);
    }
    await using store = open({ ...one, newerReplaces: true });
    assert.deepEqual(contentsOf(store, ["stdout"]).alerts, { stdout: [alerts[1], alerts[0]] });
  });

  test("alerts of an absent sink stay pending for it; a new sink gets the alerts from then on", async ({ open }) => {
    const [old, later] = [alertAbout("a"), alertAbout("a")];
    {
      await using store = open({ sinks: ["stdout", "amqp"], newerReplaces: true });
      commitAlerts(store, old);
    }
    {
      await using store = open({ sinks: ["stdout", "kinesis"], newerReplaces: true });
      assert.equal(store.outbox("kinesis").size, 0);
      commitAlerts(store, later);
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
        if (random.chance(0.3)) store.outbox(random.pick(context.sinks)).take()?.confirm();
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
