// The outbox: what it takes from its shelf and when, and over random steps that each alert is sent once or replaced.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import { type InFlight, OutboxWithUnkept, ShelvedOutbox } from "../../src/state/outbox.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { Random } from "../helpers/random.ts";

/** An outbox of numbered alerts, and what became of its shelf. */
function outboxOf(newerReplaces: boolean) {
  const alerts: Alert[] = [];
  const read: number[] = [];
  const removed: number[] = [];
  const outbox = new ShelvedOutbox<number>({
    read(slot) {
      read.push(slot);
      return alerts[slot]!;
    },
    removed(slot) {
      removed.push(slot);
    },
  }, newerReplaces);
  const add = (name: string): number => {
    const slot = alerts.push(alertAbout(name)) - 1;
    outbox.add(name, slot);
    return slot;
  };
  return { outbox, alerts, read, removed, add };
}

Deno.test("the outbox reads an alert when it is taken, not before, and again each time", () => {
  const { outbox, read, removed, add } = outboxOf(true);
  for (const name of ["a", "b"]) add(name);
  assert.deepEqual(read, []);
  outbox.take()!.giveBack();
  const again = outbox.take()!;
  assert.deepEqual(read, [0, 0]);
  assert.deepEqual(removed, []);
  again.confirm();
  assert.deepEqual(removed, [0]);
});

Deno.test("replaceable() is the alert about a name that waits; none while it is sent, none where none replaces", () => {
  const { outbox, add } = outboxOf(true);
  assert.equal(outbox.replaceable("a"), undefined);
  add("a");
  assert.equal(outbox.replaceable("a")!.slot, 0);
  assert.equal(outbox.replaceable("b"), undefined);
  const inFlight = outbox.take()!;
  assert.equal(outbox.replaceable("a"), undefined);
  inFlight.giveBack();
  assert.equal(outbox.replaceable("a")!.slot, 0);
  const other = outboxOf(false);
  other.add("a");
  assert.equal(other.outbox.replaceable("a"), undefined);
});

Deno.test("an alert whose place on the shelf was changed while it waits is read from there", () => {
  const { outbox, alerts, removed, add } = outboxOf(true);
  add("a");
  alerts.push(alertAbout("a"));
  outbox.replaceable("a")!.slot = 1;
  const inFlight = outbox.take()!;
  assert.equal(inFlight.alert, alerts[1]);
  inFlight.confirm();
  assert.deepEqual(removed, [1]);
});

Deno.test("add() of a second alert about a name takes the first from the shelf, where newer ones replace", () => {
  const { outbox, removed, add } = outboxOf(true);
  for (const name of ["a", "b", "a"]) add(name);
  assert.deepEqual(removed, [0]);
  assert.equal(outbox.size, 2);
  assert.deepEqual([outbox.take()!.alert.name, outbox.take()!.alert.name], ["b", "a"]);
});

for (const newerReplaces of [true, false]) {
  Deno.test(`every alert leaves the shelf once, in order, newerReplaces ${newerReplaces}, over 50,000 random steps`, () => {
    const random = new Random(20170712);
    const { outbox, alerts, removed, add } = outboxOf(newerReplaces);
    const sending = new Map<InFlight, number>();
    const confirmed: number[] = [];
    let longest = 0;
    for (let step = 0; step < 50_000; step++) {
      if (random.chance(step % 1_000 < 500 ? 0.5 : 0.1)) add(random.pick(["a", "b", "c", "d", "e"]));
      const inFlight = random.chance(0.4) ? outbox.take() : undefined;
      if (inFlight !== undefined) {
        const slot = alerts.indexOf(inFlight.alert);
        assert.ok(![...sending.values()].includes(slot), "it is not being sent already");
        if (newerReplaces) {
          assert.ok(
            [...sending.keys()].every(({ alert }) => alert.name !== inFlight.alert.name),
            "one of a name",
          );
        }
        sending.set(inFlight, slot);
      }
      if (sending.size > 0 && random.chance(0.5)) {
        const [done, slot] = random.pick([...sending]);
        sending.delete(done);
        if (random.chance(0.6)) {
          done.confirm();
          confirmed.push(slot);
        } else done.giveBack();
      }
      longest = Math.max(longest, outbox.size);
      const waiting = outbox.size - sending.size;
      assert.ok(waiting >= 0 && (!newerReplaces || waiting <= 5), `${waiting} wait`);
    }
    for (const inFlight of sending.keys()) inFlight.giveBack();
    for (let last = -1, next = outbox.take(); next !== undefined; next = outbox.take()) {
      const slot = alerts.indexOf(next.alert);
      if (!newerReplaces) assert.ok(slot > last, "in their order");
      last = slot;
      next.confirm();
      confirmed.push(slot);
    }
    assert.equal(outbox.size, 0);
    assert.equal(new Set(removed).size, removed.length, "none is removed twice");
    assert.equal(removed.length, alerts.length, "all are");
    assert.equal(new Set(confirmed).size, confirmed.length, "none is confirmed twice");
    if (newerReplaces) assert.ok(confirmed.length < alerts.length && longest <= 10);
    else assert.ok(confirmed.length === alerts.length && longest > 50, String(longest));
  });
}

Deno.test("oldest is since when the oldest alert waits, on its way or not", () => {
  const outbox = new ShelvedOutbox<number>({ read: () => ({}) as Alert, removed() {} }, false);
  assert.equal(outbox.oldest, undefined);
  const before = BigInt(Date.now()) * 1_000_000n;
  outbox.add("a", 1);
  const inFlight = outbox.take()!;
  assert.ok(outbox.oldest! >= before && outbox.oldest! <= BigInt(Date.now()) * 1_000_000n);
  inFlight.confirm();
  assert.equal(outbox.oldest, undefined);
});

Deno.test("alerts that the store cannot keep come before the others, and leave no trace on its shelf", () => {
  const { outbox, removed, add } = outboxOf(true);
  add("a");
  const both = new OutboxWithUnkept(outbox);
  both.add(alertAbout("own", { id: "1" }));
  both.add(alertAbout("own", { id: "2" }));
  assert.deepEqual([both.size, both.has("a"), both.has("own"), both.has("b")], [2, true, true, false]);
  assert.equal(both.oldest, outbox.oldest);
  const first = both.take()!;
  assert.equal(first.alert.id, "2");
  first.giveBack();
  const again = both.take()!;
  assert.equal(again.alert.id, "2");
  again.confirm();
  assert.deepEqual([both.size, both.has("own"), removed], [1, false, []]);
  both.take()!.confirm();
  assert.deepEqual([both.size, both.oldest, removed], [0, undefined, [0]]);
});
