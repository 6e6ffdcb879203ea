// When the ledger commits, and which batches are acknowledged then: several at a time, in their order, none before.
import type { Delivery } from "./delivery.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { asFault } from "../lib/errors.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import { Histogram } from "../lib/histogram.ts";
import { RetryState } from "../lib/retry.ts";
import { type Released, Releases } from "./releases.ts";
import type { Batch, Hold } from "../sources/source.ts";
import { Health } from "../lib/health.ts";

/** Messages after which a durable ledger commits at the latest, and milliseconds. */
const maxMessages = 500;
const maxCommitDelay = 5;

/** A batch whose effects are committed next, or that waits for alerts. */
interface Open {
  readonly acknowledge: Batch["acknowledge"];
  /** What its restarts are about; of those that it waits for, each counts one. */
  readonly names: ReadonlySet<string>;
  readonly hold: Hold | undefined;
  /** When it is acknowledged all the same, once it waits; infinite where it waits for as long as it takes. */
  due: number;
  awaited: number;
}

/** How commits go. */
export class CommitFigures {
  readonly health = new Health();
  /** Of those to a file. */
  readonly seconds: Histogram = new Histogram([
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
  ]);
}

/** The batches whose effects are not kept yet. */
export class Commits {
  readonly #store: StateStore;
  readonly #delivery: Delivery;
  readonly #clock: () => Nanoseconds;
  readonly #retry: RetryState;
  readonly #figures: CommitFigures;
  #open: Open[] = [];
  #messages = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Committed, in their order: those that wait for alerts, and those behind them. */
  readonly #waiting: Open[] = [];
  readonly #releases: Releases;
  #acknowledged: PromiseWithResolvers<void> | undefined;
  #committed: PromiseWithResolvers<void> | undefined;

  /** `clock` yields the `now` of the rule. */
  constructor(
    parts: { store: StateStore; delivery: Delivery; log: Log; commits?: CommitFigures },
    clock: () => Nanoseconds,
  ) {
    this.#store = parts.store;
    this.#delivery = parts.delivery;
    this.#clock = clock;
    this.#figures = parts.commits ?? new CommitFigures();
    this.#retry = new RetryState(parts.log, "state", undefined, this.#figures.health);
    this.#figures.health.up();
    this.#delivery.onDone = () => this.soon();
    this.#releases = new Releases(parts.log, (until) => this.#release(until));
  }

  /** Takes a batch whose effects the ledger was told. What is urgent is committed at once. */
  add(batch: Batch, names: ReadonlySet<string>, urgent: boolean): void {
    this.#open.push({ acknowledge: batch.acknowledge, names, hold: batch.hold, due: Infinity, awaited: 0 });
    this.#messages += batch.bodies.length;
    if (urgent || !this.#store.durable || this.#messages >= maxMessages) this.now();
    else this.soon();
  }

  /** Commits in a moment, with what comes until then. */
  soon(): void {
    if (this.#store.durable) this.#timer ??= setTimeout(() => this.#commit(), maxCommitDelay);
  }

  /** Commits. Where the ledger cannot, it is tried again until it can, and nothing is acknowledged meanwhile. */
  now(): void {
    if (this.#retry.isFailing) return;
    this.#commit();
  }

  /** Resolves when all that was added is committed and acknowledged. */
  async settled(): Promise<void> {
    this.now();
    if (this.#retry.isFailing) await (this.#committed ??= Promise.withResolvers<void>()).promise;
    if (this.#waiting.length > 0) await (this.#acknowledged ??= Promise.withResolvers<void>()).promise;
  }

  /** Ends it: what is not committed by now never is. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#releases.stop();
    this.#delivery.onDone = () => {};
  }

  #commit(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const begun = performance.now();
    try {
      this.#store.commit(this.#clock());
    } catch (error) {
      this.#timer = setTimeout(() => this.#commit(), this.#retry.failed(asFault(error)));
      return;
    }
    if (this.#store.durable) this.#figures.seconds.observe((performance.now() - begun) / 1000);
    this.#retry.succeeded();
    const open = this.#open;
    this.#open = [];
    this.#messages = 0;
    this.#delivery.pump();
    for (const each of open) this.#await(each);
    this.#acknowledge();
    const held = this.#waiting.length === 0 ? undefined : open.findLast(({ hold }) => hold !== undefined);
    if (held?.hold !== undefined) this.#releases.watch(held.hold);
    this.#committed?.resolve();
    this.#committed = undefined;
  }

  /** Lets a batch wait for the alerts about its names. */
  #await(open: Open): void {
    const done = () => {
      if (this.#delivery.unconfirmed === 0) this.#releases.confirmed();
      if (--open.awaited === 0) this.#acknowledge();
    };
    for (const name of open.names) if (this.#store.awaits(name, done)) open.awaited++;
    open.due = Releases.due(open.hold);
    this.#waiting.push(open);
  }

  /** Acknowledges up to the first that waits. */
  #acknowledge(): void {
    const end = this.#waiting.findIndex(({ awaited }) => awaited > 0);
    const done = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
    for (const { acknowledge } of done) acknowledge();
    if (this.#waiting.length > 0) return;
    this.#acknowledged?.resolve();
    this.#acknowledged = undefined;
  }

  /** Acknowledges up to the last that is due until then, though its alerts wait on in the outbox. */
  #release(until: number): Released {
    const last = this.#waiting.findLastIndex(({ due }) => due <= until);
    for (const { acknowledge } of this.#waiting.splice(0, last + 1)) acknowledge();
    this.#acknowledge();
    return {
      alerts: last < 0 ? undefined : this.#delivery.unconfirmed,
      next: this.#waiting.reduce((next, { due }) => Math.min(next, due), Infinity),
    };
  }
}
