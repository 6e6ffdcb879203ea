// Decides when the state is committed and when batches are acknowledged: in their order, none before its effects are
// safe.
import type { Nanoseconds } from "../lib/duration.ts";
import { asFault } from "../lib/errors.ts";
import type { StateStore } from "../state/store.ts";
import type { Log } from "../lib/log.ts";
import { Histogram, latencyBuckets } from "../lib/histogram.ts";
import { RetryState } from "../lib/retry.ts";
import { type Released, Releases } from "./releases.ts";
import type { Batch, Hold } from "../sources/source.ts";
import { Health } from "../lib/health.ts";

/** Maximum messages and milliseconds until a durable store commits. */
const maxMessages = 500;
const maxCommitDelay = 5;

/** The alerts that sinks have not confirmed, as `Delivery` has them, and those that wait to be part of a group's. */
export interface PendingAlerts {
  readonly unconfirmed: number;
  /** Whether a sink has not confirmed an alert about this key, or has yet to get one. */
  isPending(key: string): boolean;
  /** Calls the listener with each key that may not be pending any more. */
  onSettled(listener: (key: string) => void): Disposable;
  pump(): void;
}

/** A batch that is not acknowledged yet. */
interface PendingBatch {
  readonly acknowledge: Batch["acknowledge"];
  /** The keys of its messages. */
  readonly keys: ReadonlySet<string>;
  /** How many these are. */
  readonly messages: number;
  readonly hold: Hold | undefined;
  /** When it is acknowledged even with pending alerts; infinite if there is no limit. */
  due: number;
  /** How many of its keys have pending alerts. */
  pendingKeys: number;
}

/** Health and durations of the commits. */
export class CommitStats {
  readonly health = new Health();
  /** Seconds that commits of a durable store took. */
  readonly seconds: Histogram = new Histogram(latencyBuckets.filter((bound) => bound <= 2.5));
}

/**
 * Acknowledges batches. With a durable store a batch is acknowledged once its effects are committed. Otherwise it is
 * acknowledged once no sink has a pending alert about any of its keys.
 */
export class Acknowledger {
  readonly #store: StateStore;
  readonly #delivery: PendingAlerts;
  readonly #clock: () => Nanoseconds;
  readonly #retry: RetryState;
  readonly #stats: CommitStats;
  readonly #releases: Releases;
  readonly #subscription: Disposable;
  #uncommitted: PendingBatch[] = [];
  #uncommittedMessages = 0;
  #unacknowledgedMessages = 0;
  #commitTimer: ReturnType<typeof setTimeout> | undefined;
  /** Committed batches in their order: those with pending alerts, and those behind them. */
  readonly #unacknowledged: PendingBatch[] = [];
  /** Batches by the keys whose pending alerts hold them back. */
  readonly #byKey = new Map<string, PendingBatch[]>();
  #allCommitted: PromiseWithResolvers<void> | undefined;
  #allAcknowledged: PromiseWithResolvers<void> | undefined;

  /** `clock` returns the `now` of the rule. */
  constructor(
    parts: { store: StateStore; delivery: PendingAlerts; log: Log; commits?: CommitStats },
    clock: () => Nanoseconds,
  ) {
    this.#store = parts.store;
    this.#delivery = parts.delivery;
    this.#clock = clock;
    this.#stats = parts.commits ?? new CommitStats();
    this.#retry = new RetryState(parts.log, "state", undefined, this.#stats.health);
    this.#stats.health.up();
    this.#releases = new Releases(parts.log, (until) => this.#release(until));
    this.#subscription = parts.delivery.onSettled((key) => this.#settled(key));
  }

  /** How many messages it has yet to acknowledge. */
  get unacknowledged(): number {
    return this.#unacknowledgedMessages;
  }

  /** Takes a batch whose effects were reported to the store. An urgent one is committed at once. */
  add(batch: Batch, keys: ReadonlySet<string>, urgent: boolean): void {
    const { acknowledge, hold } = batch;
    const messages = batch.bodies.length;
    this.#uncommitted.push({ acknowledge, keys, messages, hold, due: Infinity, pendingKeys: 0 });
    this.#uncommittedMessages += messages;
    this.#unacknowledgedMessages += messages;
    if (urgent || !this.#store.durable || this.#uncommittedMessages >= maxMessages) this.commitNow();
    else this.#commitSoon();
  }

  /** Commits. While the store fails, commits are retried, and nothing is acknowledged. */
  commitNow(): void {
    if (this.#retry.isFailing) return;
    this.#commit();
  }

  /** Resolves when every batch is committed and acknowledged. */
  async drain(): Promise<void> {
    this.commitNow();
    if (this.#retry.isFailing) await (this.#allCommitted ??= Promise.withResolvers<void>()).promise;
    if (this.#unacknowledged.length > 0) {
      await (this.#allAcknowledged ??= Promise.withResolvers<void>()).promise;
    }
  }

  /** Stops: batches not committed by now are lost, and not acknowledged. */
  stop(): void {
    clearTimeout(this.#commitTimer);
    this.#releases.stop();
    this.#subscription[Symbol.dispose]();
  }

  /** Commits within 5 ms, together with batches that come until then. */
  #commitSoon(): void {
    if (this.#store.durable) this.#commitTimer ??= setTimeout(() => this.#commit(), maxCommitDelay);
  }

  #commit(): void {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    const begun = performance.now();
    try {
      this.#store.commit(this.#clock());
    } catch (error) {
      this.#commitTimer = setTimeout(() => this.#commit(), this.#retry.failed(asFault(error)));
      return;
    }
    if (this.#store.durable) this.#stats.seconds.observe((performance.now() - begun) / 1000);
    this.#retry.succeeded();
    const committed = this.#uncommitted;
    this.#uncommitted = [];
    this.#uncommittedMessages = 0;
    this.#delivery.pump();
    for (const batch of committed) this.#await(batch);
    this.#acknowledge();
    const held = this.#unacknowledged.length === 0
      ? undefined
      : committed.findLast(({ hold }) => hold !== undefined);
    if (held?.hold !== undefined) this.#releases.watch(held.hold);
    this.#allCommitted?.resolve();
    this.#allCommitted = undefined;
  }

  /** Holds a committed batch back while there are pending alerts about its keys, if these are only in memory. */
  #await(batch: PendingBatch): void {
    this.#unacknowledged.push(batch);
    batch.due = Releases.due(batch.hold);
    if (this.#store.durable) return;
    for (const key of batch.keys) {
      if (!this.#delivery.isPending(key)) continue;
      batch.pendingKeys++;
      const batches = this.#byKey.get(key);
      if (batches === undefined) this.#byKey.set(key, [batch]);
      else batches.push(batch);
    }
  }

  /** An alert about this key left the outbox of a sink. */
  #settled(key: string): void {
    if (this.#delivery.unconfirmed === 0) this.#releases.confirmed();
    const batches = this.#byKey.get(key);
    if (batches !== undefined && !this.#delivery.isPending(key)) {
      this.#byKey.delete(key);
      for (const batch of batches) batch.pendingKeys--;
      this.#acknowledge();
    }
    this.#commitSoon();
  }

  #end(batches: readonly PendingBatch[]): void {
    for (const { acknowledge, messages } of batches) {
      this.#unacknowledgedMessages -= messages;
      acknowledge();
    }
  }

  /** Acknowledges up to the first batch with pending alerts. */
  #acknowledge(): void {
    const end = this.#unacknowledged.findIndex(({ pendingKeys }) => pendingKeys > 0);
    const done = this.#unacknowledged.splice(0, end < 0 ? this.#unacknowledged.length : end);
    this.#end(done);
    if (this.#unacknowledged.length > 0) return;
    this.#allAcknowledged?.resolve();
    this.#allAcknowledged = undefined;
  }

  /** Acknowledges up to the last batch that is due by then, though its alerts are pending. */
  #release(until: number): Released {
    const last = this.#unacknowledged.findLastIndex(({ due }) => due <= until);
    this.#end(this.#unacknowledged.splice(0, last + 1));
    this.#acknowledge();
    return {
      alerts: last < 0 ? undefined : this.#delivery.unconfirmed,
      next: this.#unacknowledged.reduce((next, { due }) => Math.min(next, due), Infinity),
    };
  }
}
