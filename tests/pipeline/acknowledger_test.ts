// When the ledger commits, and that no message is acknowledged before its effects are kept.
import assert from "node:assert/strict";
import { Acknowledger } from "../../src/pipeline/acknowledger.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { Fault } from "../../src/lib/errors.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import type { Hold } from "../../src/sources/source.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import { alertAbout } from "../helpers/alerts.ts";
import { testLog } from "../helpers/log.ts";
import { partsOf, TestSink } from "../helpers/sink.ts";
import { batchOf } from "../helpers/source.ts";
import { stateFolder } from "../helpers/state_files.ts";
import { haltTimers, happened } from "../helpers/timers.ts";

const diskFull = new Fault("the disk is full");

/** What happens, in its order: `commit 5`, `acknowledge a`. */
type Events = string[];

class WatchedMemory extends MemoryStore {
  constructor(context: ConstructorParameters<typeof MemoryStore>[0], readonly events: Events) {
    super(context);
  }
  override commit(): void {
    this.events.push("commit");
    super.commit();
  }
}

class WatchedFile extends SqliteStore {
  /** Commits that are to fail. */
  failures = 0;
  constructor(
    path: string,
    context: ConstructorParameters<typeof SqliteStore>[1],
    readonly events: Events,
  ) {
    super(path, context);
  }
  override commit(now: bigint): void {
    if (this.failures > 0) {
      this.failures--;
      this.events.push("no commit");
      throw diskFull;
    }
    super.commit(now);
    this.events.push(`commit ${now}`);
  }
}

/** An acknowledger of a store, with what a test needs. `batch` adds a batch about keys, with alerts about them. */
function acknowledgerOf<L extends WatchedMemory | WatchedFile>(store: L, sinks: readonly TestSink[]) {
  const { log, lines } = testLog();
  const { events } = store;
  const delivery = new Delivery(sinks, partsOf(store), log);
  const acknowledger = new Acknowledger({ store, delivery, log }, () => 5n);
  return {
    acknowledger,
    delivery,
    store,
    events,
    lines,
    batch(label: string, { size = 1, names = [], alerts = [], urgent = alerts.length > 0, hold }: {
      size?: number;
      names?: readonly string[];
      alerts?: readonly string[];
      urgent?: boolean;
      hold?: Hold;
    } = {}) {
      for (const name of alerts) store.enqueue(alertAbout(name));
      const messages = Array.from({ length: size }, () => "{}");
      const batch = batchOf(messages, () => events.push(`acknowledge ${label}`), hold);
      acknowledger.add(batch, new Set([...names, ...alerts]), urgent);
    },
    /** What happened since the last call. */
    since: () => events.splice(0),
  };
}

function inMemory(...sinks: TestSink[]) {
  const context = { sinks: sinks.map(({ name }) => name), newerReplaces: true };
  return acknowledgerOf(new WatchedMemory(context, []), sinks);
}

/** Runs a test with a ledger in a file and halted timers. */
async function inFile(
  sinks: TestSink[],
  use: (
    all: ReturnType<typeof acknowledgerOf<WatchedFile>>,
    pass: (milliseconds: number) => Promise<void>,
  ) => Promise<void>,
): Promise<void> {
  using folder = stateFolder();
  using timers = haltTimers();
  const context = { sinks: sinks.map(({ name }) => name), newerReplaces: true };
  await using store = new WatchedFile(folder.file, context, []);
  const all = acknowledgerOf(store, sinks);
  await use(all, timers.pass);
  all.acknowledger.stop();
  await all.delivery[Symbol.asyncDispose]();
}

Deno.test("in memory a batch that caused no alert is acknowledged at once", () => {
  const { batch, since } = inMemory(new TestSink());
  batch("a", { names: ["x"] });
  batch("b");
  assert.deepEqual(since(), ["commit", "acknowledge a", "commit", "acknowledge b"]);
});

Deno.test("in memory a batch waits until every sink has confirmed the alerts about its names", async () => {
  const [one, two] = [new TestSink("one", 5), new TestSink("two", 5)];
  const { batch, since } = inMemory(one, two);
  batch("a", { alerts: ["x", "y"] });
  for (const sending of [one.sending[0]!, two.sending[1]!, one.sending[1]!]) {
    sending.confirm();
    await happened();
    assert.deepEqual(since().filter((event) => event !== "commit"), []);
  }
  two.sending[0]!.confirm();
  await happened();
  assert.deepEqual(since(), ["acknowledge a"]);
});

Deno.test("in memory a batch waits for alerts that earlier batches caused about its names", async () => {
  const sink = new TestSink("one", 5);
  const { batch, since } = inMemory(sink);
  batch("a", { alerts: ["x"] });
  batch("b", { names: ["x"] });
  await happened();
  assert.deepEqual(since(), ["commit", "commit"]);
  sink.sending[0]!.confirm();
  await happened();
  assert.deepEqual(since(), ["acknowledge a", "acknowledge b"]);
});

Deno.test("in memory batches are acknowledged in their order, whatever the order of confirmations", async () => {
  const sink = new TestSink("one", 5);
  const { batch, since } = inMemory(sink);
  batch("a", { alerts: ["x"] });
  batch("b");
  batch("c", { alerts: ["y"] });
  batch("d", { names: ["z"] });
  since();
  sink.sending[1]!.confirm();
  await happened();
  assert.deepEqual(since(), []);
  sink.sending[0]!.confirm();
  await happened();
  assert.deepEqual(since(), ["acknowledge a", "acknowledge b", "acknowledge c", "acknowledge d"]);
  batch("e");
  assert.deepEqual(since(), ["commit", "acknowledge e"]);
});

Deno.test("in memory a batch is acknowledged when its alert is given up", async () => {
  const sink = new TestSink();
  const { batch, since } = inMemory(sink);
  batch("a", { alerts: ["x"] });
  sink.sending[0]!.fail(new Fault("too large", "rejected"));
  await happened();
  assert.deepEqual(since(), ["commit", "acknowledge a"]);
});

const hold = (deliveries: number, milliseconds: number): Hold => ({
  where: "queue q",
  deliveries,
  milliseconds,
});
const again = (deliveries: number, when: string) =>
  `warning queue q: redelivers messages with pending alerts (x-delivery-count ${deliveries}); at its delivery-limit, 20 ` +
  `by default since RabbitMQ 4, it would drop or dead-letter them, so they are acknowledged ${when}. ` +
  "Set STATE=sqlite:<file>, which keeps alerts on disk and holds no message back";
const letGo = (alerts: number) =>
  `warning queue q: acknowledged messages with pending alerts, before the delivery-limit drops them; ${alerts} alerts are ` +
  "pending in memory only: they are sent when the sink recovers, and lost if the program ends before that";

Deno.test("in memory a batch with a hold is acknowledged when it ends, with those before it; the alerts stay", async () => {
  using timers = haltTimers();
  const sink = new TestSink("one", 5);
  const { batch, since, lines, store, acknowledger } = inMemory(sink);
  batch("a", { alerts: ["x"] });
  batch("b", { alerts: ["y"], hold: hold(1, 1000) });
  batch("c", { names: ["y"], hold: hold(1, 1000) });
  batch("d", { alerts: ["z"] });
  since();
  await timers.pass(999);
  assert.deepEqual(since(), []);
  assert.deepEqual(lines.splice(0), [again(1, "in 1s at the latest")]);
  await timers.pass(1);
  assert.deepEqual(since(), ["acknowledge a", "acknowledge b", "acknowledge c"]);
  assert.deepEqual(lines.splice(0), [letGo(3)]);
  assert.equal(store.outbox("one").size, 3);
  for (const sending of sink.sending.slice()) sending.confirm();
  await happened();
  assert.deepEqual(since(), ["acknowledge d"]);
  await acknowledger.drain();
  batch("e", { alerts: ["x"], hold: hold(1, 1000) });
  assert.deepEqual(
    lines,
    [again(1, "in 1s at the latest")],
    "after a time without unconfirmed alerts it is news",
  );
  acknowledger.stop();
});

Deno.test("in memory a batch that may not wait is acknowledged at once, though another one runs its time", async () => {
  using timers = haltTimers();
  const { batch, since, lines } = inMemory(new TestSink("one", 5));
  batch("a", { alerts: ["x"], hold: hold(1, 60_000) });
  batch("b", { names: ["x"], hold: hold(2, 0) });
  since();
  await timers.pass(1);
  assert.deepEqual(since(), ["acknowledge a", "acknowledge b"]);
  batch("c", { names: ["x"], hold: hold(2, 0) });
  since();
  await timers.pass(1);
  assert.deepEqual(since(), ["acknowledge c"]);
  assert.deepEqual(lines, [again(1, "in 1m at the latest"), letGo(1), letGo(1)]);
});

Deno.test("in memory a batch with a hold whose alerts are confirmed is acknowledged then, and nothing is said", async () => {
  using timers = haltTimers();
  const sink = new TestSink("one", 5);
  sink.ready = true;
  const { batch, since, lines } = inMemory(sink);
  batch("a", { hold: hold(3, 0) });
  assert.deepEqual(since(), ["commit", "acknowledge a"]);
  batch("b", { alerts: ["x"], hold: hold(1, 1000) });
  await timers.pass(2000);
  assert.deepEqual(since(), ["commit", "acknowledge b"]);
  assert.deepEqual(lines.filter((line) => line.includes("acknowledged what")), []);
});

Deno.test("in memory each batch has a hold of its own, even if alerts never pause, and the first logs nothing", async () => {
  using timers = haltTimers();
  const sink = new TestSink("one", 5);
  const { batch, since, lines, acknowledger } = inMemory(sink);
  batch("first", { alerts: ["x"], hold: hold(0, 60_000) });
  for (let next = 1; next <= 7; next++) {
    await timers.pass(10_000);
    batch(`${next}`, { alerts: [`name ${next}`], hold: hold(0, 60_000) });
    sink.sending[0]!.confirm();
  }
  await happened();
  assert.equal(since().filter((event) => event.startsWith("acknowledge")).length, 7);
  assert.deepEqual(lines, []);
  await timers.pass(59_000);
  assert.deepEqual(since(), []);
  await timers.pass(1_000);
  assert.deepEqual(since(), ["acknowledge 7"]);
  assert.deepEqual(lines, [letGo(1)]);
  acknowledger.stop();
});

Deno.test("in a file a hold has no meaning: a batch waits for no sink", async () => {
  await inFile([new TestSink()], async ({ batch, since, lines }, pass) => {
    batch("a", { alerts: ["x"], hold: hold(2, 0) });
    await pass(10);
    assert.deepEqual(since(), ["commit 5", "acknowledge a"]);
    assert.deepEqual(lines, []);
  });
});

Deno.test("in memory drain() waits for the last acknowledgement", async () => {
  const sink = new TestSink();
  const { batch, acknowledger, events } = inMemory(sink);
  await acknowledger.drain();
  batch("a", { alerts: ["x"] });
  let settled = false;
  const settling = acknowledger.drain().then(() => settled = true);
  await happened();
  assert.equal(settled, false);
  sink.sending[0]!.confirm();
  await settling;
  assert.equal(events.at(-1), "acknowledge a");
});

Deno.test("in a file batches are committed together within 5 ms, and acknowledged after that, in their order", async () => {
  await inFile([new TestSink()], async ({ batch, since }, pass) => {
    for (const label of ["a", "b", "c"]) batch(label, { names: ["x"] });
    await pass(4);
    assert.deepEqual(since(), []);
    await pass(1);
    assert.deepEqual(since(), ["commit 5", "acknowledge a", "acknowledge b", "acknowledge c"]);
    await pass(100);
    assert.deepEqual(since(), [], "no commit without a reason");
  });
});

Deno.test("in a file 500 messages are committed at once, and the count restarts", async () => {
  await inFile([new TestSink()], async ({ batch, since }, pass) => {
    batch("a", { size: 300 });
    batch("b", { size: 199 });
    assert.deepEqual(since(), []);
    batch("c");
    assert.deepEqual(since(), ["commit 5", "acknowledge a", "acknowledge b", "acknowledge c"]);
    batch("d", { size: 499 });
    assert.deepEqual(since(), []);
    await pass(5);
    assert.deepEqual(since(), ["commit 5", "acknowledge d"]);
  });
});

Deno.test("in a file a batch with an alert is committed at once, with those before it, and only then the alert is sent", async () => {
  const sink = new TestSink();
  await inFile([sink], async ({ batch, since, store }) => {
    const send = sink.send.bind(sink);
    sink.send = (alert) => (store.events.push("send"), send(alert));
    batch("a");
    batch("b", { alerts: ["x"] });
    assert.deepEqual(since(), ["commit 5", "send", "acknowledge a", "acknowledge b"]);
    await happened();
    assert.equal(sink.sending.length, 1, "the sink has not confirmed, and no batch waits for it");
  });
});

Deno.test("in a file a confirmed alert leaves it within 5 ms", async () => {
  const sink = new TestSink();
  await inFile([sink], async ({ batch, since, store }, pass) => {
    batch("a", { alerts: ["x"] });
    since();
    sink.sending[0]!.confirm();
    await pass(5);
    assert.deepEqual(since(), ["commit 5"]);
    assert.equal(store.outbox("test").size, 0);
  });
});

Deno.test("while it cannot be committed nothing is acknowledged or sent; then everything is, once and in order", async () => {
  const sink = new TestSink("test", 10);
  await inFile([sink], async ({ batch, since, store, lines }, pass) => {
    store.failures = Infinity;
    batch("a");
    await pass(5);
    assert.deepEqual(since(), ["no commit"]);
    batch("b", { alerts: ["x"] });
    batch("c", { size: 2_000 });
    batch("d", { alerts: ["y"] });
    assert.deepEqual(since(), [], "more messages are no reason to try sooner");
    await pass(1_000);
    batch("e", { alerts: ["x"] });
    const events = since();
    assert.ok(events.length > 1 && events.every((event) => event === "no commit"), events.join());
    assert.deepEqual(sink.sent, []);
    store.failures = 0;
    await pass(10_000);
    const labels = ["a", "b", "c", "d", "e"].map((label) => `acknowledge ${label}`);
    assert.deepEqual(since().filter((event) => event !== "no commit"), ["commit 5", ...labels]);
    assert.deepEqual(sink.sending.map(({ alert }) => alert.name), ["x", "y"]);
    assert.deepEqual(
      lines.map((line) => line.replace(/after \S+$/, "after <time>")),
      [
        "warning state: the disk is full; retrying",
        "info state: recovered after <time>",
      ],
    );
    batch("f");
    await pass(5);
    assert.deepEqual(since(), ["commit 5", "acknowledge f"]);
  });
});

Deno.test("an alert that was confirmed while it cannot be committed is not sent again", async () => {
  const sink = new TestSink();
  await inFile([sink], async ({ batch, since, store }, pass) => {
    batch("a", { alerts: ["x"] });
    store.failures = 3;
    sink.sending[0]!.confirm();
    await pass(4_000);
    assert.equal(sink.sent.length, 1);
    assert.equal(store.outbox("test").size, 0);
    assert.equal(since().filter((event) => event === "commit 5").length, 2);
  });
});

Deno.test("drain() commits at once; if that fails, it waits until a retry succeeds", async () => {
  await inFile([new TestSink()], async ({ batch, since, store, acknowledger }, pass) => {
    batch("a");
    await acknowledger.drain();
    assert.deepEqual(since(), ["commit 5", "acknowledge a"]);
    store.failures = 2;
    batch("b");
    let settled = false;
    const settling = acknowledger.drain().then(() => settled = true);
    await pass(40);
    assert.equal(settled, false);
    await pass(2_000);
    await settling;
    assert.deepEqual(since(), ["no commit", "no commit", "commit 5", "acknowledge b"]);
  });
});

Deno.test("a second drain() while commits fail waits as well", async () => {
  await inFile([new TestSink()], async ({ batch, store, acknowledger }, pass) => {
    store.failures = 3;
    batch("a");
    const settling = [acknowledger.drain(), acknowledger.drain()];
    await pass(4_000);
    await Promise.all(settling);
    assert.equal(store.events.at(-1), "acknowledge a");
  });
});

Deno.test("stop() ends the commits, those of confirmations that follow it included", async () => {
  const sink = new TestSink();
  await inFile([sink], async ({ batch, since, acknowledger }, pass) => {
    batch("a", { alerts: ["x"] });
    since();
    acknowledger.stop();
    sink.sending[0]!.confirm();
    await pass(1_000);
    assert.deepEqual(since(), []);
  });
  await inFile([], async ({ batch, since, acknowledger, store }, pass) => {
    batch("a");
    acknowledger.stop();
    await pass(1_000);
    assert.deepEqual(since(), []);
    store.failures = 1;
    acknowledger.commitNow();
    acknowledger.stop();
    await pass(1_000);
    assert.deepEqual(since(), ["no commit"]);
  });
});

Deno.test("a batch without a message that counts is acknowledged as any other", async () => {
  await inFile([], async ({ batch, since }, pass) => {
    batch("a", { size: 0 });
    await pass(5);
    assert.deepEqual(since(), ["commit 5", "acknowledge a"]);
  });
});
