// The alerts about the detector itself: when people get one, how often, when it ends, and what survives a restart.
import assert from "node:assert/strict";
import type { Alert } from "../../src/detection/alert/alert.ts";
import { messageOf } from "../../src/detection/alert/message.ts";
import { Visibility } from "../../src/detection/visibility.ts";
import { type Nanoseconds, second } from "../../src/lib/duration.ts";
import { Health } from "../../src/lib/health.ts";
import { wallClock } from "../../src/lib/time.ts";
import { Delivery } from "../../src/pipeline/delivery.ts";
import { OwnAlerts } from "../../src/pipeline/own_alerts.ts";
import { Troubles } from "../../src/pipeline/troubles.ts";
import { MemoryStore } from "../../src/state/memory.ts";
import { SqliteStore } from "../../src/state/sqlite/store.ts";
import type { StateStore } from "../../src/state/store.ts";
import { testLog } from "../helpers/log.ts";
import { temporaryFolder } from "../helpers/ran.ts";
import { partsOf, TestSink } from "../helpers/sink.ts";
import { waitFor } from "../helpers/wait_for.ts";

/** A sink that confirms everything and keeps what it got. */
class Reader extends TestSink {
  readonly got: Alert[] = [];

  override send(alert: Alert): Promise<void> {
    this.got.push(alert);
    return Promise.resolve();
  }

  get said(): string[] {
    return this.got.map((alert) => messageOf(alert).title.replace(/since .*|after .*/, "…"));
  }
}

/** One start of a program: its parts, and what people read. */
class Started implements AsyncDisposable {
  readonly health = new Health();
  readonly visibility = new Visibility("blind");
  readonly state = new Health();
  readonly slack = new Reader("slack");
  readonly email = new Reader("email");
  readonly log = testLog();
  readonly store: StateStore;
  readonly #delivery: Delivery;
  readonly #troubles: Troubles;
  readonly #own: OwnAlerts;
  /** The state fails: nothing is committed. */
  full = false;

  constructor({ file, interval = 3600n * second, after = second / 5n }: {
    readonly file?: string;
    readonly interval?: Nanoseconds;
    readonly after?: Nanoseconds;
  } = {}) {
    const sinks = ["slack", "email"];
    const accepts = (sink: string, { notice }: Alert) => notice?.component !== `sink ${sink}`;
    const context = { sinks, accepts, newerReplaces: true };
    this.store = file === undefined ? new MemoryStore(context) : new SqliteStore(file, context);
    this.#delivery = new Delivery([this.slack, this.email], partsOf(this.store), this.log.log);
    this.#troubles = new Troubles({
      source: { type: "amqp", health: this.health },
      visibility: this.visibility,
      state: this.state,
      sinks: this.#delivery.stats,
    });
    this.#own = new OwnAlerts({
      troubles: this.#troubles,
      store: this.store,
      delivery: this.#delivery,
      accepts,
      log: this.log.log,
      interval,
      rule: "restarts",
      after,
    });
  }

  async start(): Promise<this> {
    await this.#delivery.start();
    this.state.up();
    this.#own.start(() => this.commit());
    return this;
  }

  commit(): void {
    if (this.full) return;
    this.store.commit(wallClock());
    this.#delivery.pump();
  }

  see(): void {
    this.health.up();
    this.visibility.regain(wallClock());
  }

  /** Ends as a process does that is killed: what is not committed is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#own[Symbol.dispose]();
    this.#troubles[Symbol.dispose]();
    await this.#delivery[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }
}

async function passed(time: Nanoseconds): Promise<void> {
  const begin = wallClock();
  await waitFor("time to pass", () => wallClock() - begin > time);
}

const blind = "The detector has been blind …";
const sees = "The detector sees again …";

for (const kind of ["memory", "sqlite"] as const) {
  Deno.test(`with ${kind}, people get one alert when the source is blind, and one when it sees again`, async () => {
    using folder = temporaryFolder();
    await using started = await new Started(
      kind === "sqlite" ? { file: `${folder.path}/state.db` } : {},
    ).start();
    started.health.down("amqp://rabbit:5672: connection refused");
    await waitFor("an alert", () => started.slack.got.length === 1 && started.email.got.length === 1);
    const [alert] = started.slack.got as [Alert];
    assert.equal(messageOf(alert).reason, "Source amqp: amqp://rabbit:5672: connection refused");
    assert.equal(messageOf(alert).severity, "critical");
    assert.deepEqual([alert.name, alert.reason], ["nomad-crashloop-detector: source amqp", "first"]);
    started.health.up();
    await passed(second / 2n);
    assert.deepEqual(started.slack.said, [blind]);
    started.visibility.regain(wallClock());
    await waitFor("its end", () => started.slack.got.length === 2 && started.email.got.length === 2);
    assert.deepEqual(started.slack.said, [blind, sees]);
    assert.equal(started.slack.got[1]!.loop, alert.loop);
    assert.equal(started.slack.got[1]!.reason, "resolved");
  });
}

Deno.test("what lasts for less than the time is not notified", async () => {
  await using started = await new Started({ after: 2n * second }).start();
  started.see();
  for (let time = 0; time < 5; time++) {
    started.health.down("connection lost");
    await passed(second / 20n);
    started.health.up();
  }
  assert.deepEqual(started.slack.said, []);
});

Deno.test("it is repeated no faster than the interval, by one loop", async () => {
  await using started = await new Started({ interval: second }).start();
  await waitFor("an alert", () => started.slack.got.length === 1);
  const first = wallClock();
  await waitFor("a repeat", () => started.slack.got.length === 2);
  assert.ok(wallClock() - first > second * 9n / 10n);
  const [begin, repeat] = started.slack.got as [Alert, Alert];
  assert.equal(repeat.reason, "repeat");
  assert.equal(repeat.loop, begin.loop);
  assert.notEqual(repeat.id, begin.id);
});

Deno.test("an outage that follows another within the interval is notified when that has passed, if it lasts", async () => {
  await using started = await new Started({ interval: 2n * second }).start();
  await waitFor("an alert", () => started.slack.got.length === 1);
  const first = wallClock();
  started.see();
  await waitFor("its end", () => started.slack.got.length === 2);
  started.visibility.lose();
  await waitFor("another", () => started.slack.got.length === 3);
  assert.ok(wallClock() - first > second * 19n / 10n);
  assert.deepEqual(started.slack.said, [blind, sees, blind]);
  assert.notEqual(started.slack.got[2]!.loop, started.slack.got[0]!.loop);
});

Deno.test("that a sink fails is notified through the others", async () => {
  await using started = new Started();
  started.slack.down = new Error("slack is away");
  await started.start();
  started.see();
  await waitFor("an alert", () => started.email.got.length === 1);
  assert.deepEqual(started.email.said, ["The detector has been unable to send to slack …"]);
  assert.equal(messageOf(started.email.got[0]!).reason, "Sink slack: slack is away");
  started.slack.down = undefined;
  await waitFor("its end", () => started.email.got.length === 2, { timeoutMs: 20_000 });
  assert.deepEqual(started.email.said[1], "The detector sends to slack again …");
  assert.deepEqual(started.slack.got, []);
});

Deno.test("what the state cannot save is notified without it, and its end with it", async () => {
  using folder = temporaryFolder();
  await using started = await new Started({ file: `${folder.path}/state.db` }).start();
  started.see();
  started.full = true;
  started.state.down("database or disk is full");
  await waitFor("an alert", () => started.slack.got.length === 1);
  assert.deepEqual(started.slack.said, ["The detector has been unable to save its state …"]);
  assert.equal(messageOf(started.slack.got[0]!).reason, "State: database or disk is full");
  started.full = false;
  started.state.up();
  await waitFor("its end", () => started.slack.got.length === 2);
  assert.deepEqual(started.slack.said[1], "The detector saves its state again …");
});

Deno.test("what was notified survives a restart: no second alert, and the end has the first one's loop", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/state.db`;
  let first: Alert;
  {
    await using started = await new Started({ file }).start();
    await waitFor("an alert", () => started.slack.got.length === 1);
    first = started.slack.got[0]!;
    // The confirmations are kept too.
    started.commit();
  }
  await using started = await new Started({ file }).start();
  await passed(second);
  assert.deepEqual(started.slack.said, []);
  started.see();
  await waitFor("its end", () => started.slack.got.length === 1);
  assert.deepEqual(started.slack.said, [sees]);
  assert.equal(started.slack.got[0]!.loop, first.loop);
  assert.equal(started.slack.got[0]!.notice!.since, first.notice!.since);
});

Deno.test("what is about a sink that is gone at the next start ends there", async () => {
  using folder = temporaryFolder();
  const file = `${folder.path}/state.db`;
  const store = new SqliteStore(file, { sinks: [], newerReplaces: true });
  store.put("own alerts", "sink webhook:old", {
    kind: "sink",
    since: wallClock(),
    problem: "connection refused",
    at: wallClock(),
    sent: 1,
    open: true,
  });
  store.commit(wallClock());
  await store[Symbol.asyncDispose]();
  await using started = await new Started({ file }).start();
  await waitFor("its end", () => started.email.got.length === 1);
  assert.deepEqual(started.email.said, ["The detector sends to webhook:old again …"]);
});
