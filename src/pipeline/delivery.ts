// Brings alerts from the outboxes to every sink until it confirms: retries and outages, once for all sinks.
import type { Nanoseconds } from "../lib/duration.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { Histogram, latencyBuckets } from "../lib/histogram.ts";
import { Listeners } from "../lib/listeners.ts";
import type { Log } from "../lib/log.ts";
import { Blockage, RetryState } from "../lib/retry.ts";
import type { StartupDeadline } from "../lib/startup_deadline.ts";
import type { Outbox, Parcel } from "../state/outbox.ts";
import type { Sink } from "../sinks/sink.ts";
import { Health } from "../lib/health.ts";

/** How the delivery to one sink goes. */
export interface LaneFigures {
  readonly type: string;
  readonly health: Health;
  /** Alerts that are not confirmed, and since when the oldest of them waits. */
  readonly unconfirmed: number;
  readonly oldest: Nanoseconds | undefined;
  /** Attempts, by how they ended. */
  readonly attempts: Readonly<Record<"confirmed" | "failed" | "rejected", number>>;
  /** How long the confirmed ones took. */
  readonly seconds: Histogram;
}

/** All sinks, each with a lane of its own: one that is down does not hold up the others. */
export class Delivery implements AsyncDisposable {
  readonly #lanes: readonly Lane[];
  readonly #settled = new Listeners<[key: string]>();

  /** `outbox` yields where the alerts for a sink wait, by the sink's type. */
  constructor(
    sinks: readonly Sink[],
    outbox: (sink: string) => Outbox,
    log: Log,
    startupDeadline?: StartupDeadline,
  ) {
    this.#lanes = sinks.map((sink) =>
      new Lane(sink, outbox(sink.type), log, (key) => this.#settled.call(key), startupDeadline)
    );
  }

  /** Rejects when a sink can take nothing ever again. */
  get over(): Promise<never> {
    return Promise.race(this.#lanes.map(({ over }) => over));
  }

  /** How it goes, sink by sink. */
  get figures(): readonly LaneFigures[] {
    return this.#lanes;
  }

  /** How many alerts wait for a confirmation, counted once for each sink. */
  get unconfirmed(): number {
    return this.#lanes.reduce((sum, { unconfirmed }) => sum + unconfirmed, 0);
  }

  /** Whether a sink has not confirmed an alert about this key. */
  isPending(key: string): boolean {
    return this.#lanes.some((lane) => lane.isPending(key));
  }

  /** Calls the listener with the key of every alert that left an outbox: confirmed or dropped. */
  onSettled(listener: (key: string) => void): Disposable {
    return this.#settled.add(listener);
  }

  /** Connects all sinks. One that is down is tried again later. @throws {Fault} for one that is misconfigured. */
  async start(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.start()));
  }

  /** Looks into the outboxes: to be called when something was put there. */
  pump(): void {
    for (const lane of this.#lanes) lane.pump();
  }

  /** The program ends: sinks that are down are tried at once, and then again and again in short pauses. */
  hurry(): void {
    for (const lane of this.#lanes) lane.hurry();
  }

  /** Resolves when every outbox is empty. */
  async settled(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.settled()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }
}

/** Milliseconds between two attempts at most, while the program ends. */
const hurriedPause = 250;

/** The way to one sink. */
class Lane implements AsyncDisposable, LaneFigures {
  readonly type: string;
  readonly health = new Health();
  readonly attempts = { confirmed: 0, failed: 0, rejected: 0 };
  readonly seconds = new Histogram(latencyBuckets);
  readonly #sink: Sink;
  readonly #outbox: Outbox;
  readonly #log: Log;
  readonly #done: (key: string) => void;
  readonly #retry: RetryState;
  readonly #over = Promise.withResolvers<never>();
  #settled: PromiseWithResolvers<void> | undefined;
  #sending = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #reconnecting = false;
  #hurried = false;
  #closed = false;

  constructor(
    sink: Sink,
    outbox: Outbox,
    log: Log,
    done: (key: string) => void,
    startupDeadline?: StartupDeadline,
  ) {
    this.type = sink.type;
    this.#done = done;
    this.#sink = sink;
    this.#outbox = outbox;
    this.#log = log;
    this.#retry = new RetryState(log, `sink ${sink.type}`, startupDeadline, this.health);
    this.#over.promise.catch(() => {});
    sink.onLost = (fault) => this.#fail(fault);
    const blockage = new Blockage(log, `sink ${sink.type}`, this.health);
    sink.onBlocked = (reason) => blockage.set(reason);
  }

  get over(): Promise<never> {
    return this.#over.promise;
  }

  get unconfirmed(): number {
    return this.#outbox.size;
  }

  isPending(key: string): boolean {
    return this.#outbox.has(key);
  }

  get oldest(): Nanoseconds | undefined {
    return this.#outbox.oldest;
  }

  async start(): Promise<void> {
    try {
      await this.#sink.connect();
      this.#retry.connected();
    } catch (error) {
      const fault = asFault(error);
      if (fault.recovery === "config") {
        throw new Fault(`sink ${this.#sink.type}: ${fault.message}`, fault.recovery);
      }
      this.#fail(fault);
    }
  }

  hurry(): void {
    this.#hurried = true;
    if (this.#retryTimer === undefined || this.#reconnecting) return;
    clearTimeout(this.#retryTimer);
    void this.#reconnect();
  }

  async settled(): Promise<void> {
    if (this.#outbox.size === 0) return;
    this.#settled ??= Promise.withResolvers<void>();
    await this.#settled.promise;
  }

  /** During an outage one alert at a time tries whether it is over. */
  pump(): void {
    this.#settle();
    if (this.#closed || this.#retryTimer !== undefined) return;
    const most = this.#retry.isFailing ? 1 : this.#sink.concurrency;
    while (this.#sending < most) {
      const parcel = this.#take();
      if (parcel === undefined) break;
      this.#sending++;
      const begun = performance.now();
      this.#sink.send(parcel.alert).then(
        () => this.#arrived(parcel, begun),
        (error) => this.#returned(parcel, asFault(error)),
      );
    }
  }

  /** The next alert; an outbox that cannot be read is tried again like a sink that is down. */
  #take(): Parcel | undefined {
    try {
      return this.#outbox.take();
    } catch (error) {
      this.#fail(asFault(error));
      return undefined;
    }
  }

  #settle(): void {
    if (this.#outbox.size > 0) return;
    this.#settled?.resolve();
    this.#settled = undefined;
  }

  #arrived(parcel: Parcel, begun: number): void {
    this.#sending--;
    this.attempts.confirmed++;
    this.seconds.observe((performance.now() - begun) / 1000);
    this.#retry.succeeded();
    parcel.confirmed();
    this.#done(parcel.alert.name);
    this.pump();
  }

  #returned(parcel: Parcel, fault: Fault): void {
    this.#sending--;
    if (fault.recovery !== "rejected") {
      this.attempts.failed++;
      parcel.returned();
      return this.#fail(fault);
    }
    this.attempts.rejected++;
    const { name, id } = parcel.alert;
    this.#log.error("sink {sink}: gave up the alert {id} about {name}: {reason}", {
      sink: this.#sink.type,
      id,
      name,
      reason: fault.message,
    });
    parcel.confirmed();
    this.#done(parcel.alert.name);
    this.pump();
  }

  #fail(fault: Fault): void {
    if (fault.recovery === "closed") this.#over.reject(fault);
    if (this.#closed || this.#retryTimer !== undefined || fault.recovery === "closed") return;
    const pause = this.#retry.failed(fault);
    this.#retryTimer = setTimeout(
      () => this.#reconnect(),
      this.#hurried ? Math.min(pause, hurriedPause) : pause,
    );
  }

  async #reconnect(): Promise<void> {
    this.#reconnecting = true;
    try {
      await this.#sink.connect();
      this.#retry.connected();
      this.#reconnecting = false;
      this.#retryTimer = undefined;
      if (this.unconfirmed === 0) this.#retry.succeeded();
      this.pump();
    } catch (error) {
      this.#reconnecting = false;
      this.#retryTimer = undefined;
      this.#fail(asFault(error));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    await this.#sink[Symbol.asyncDispose]();
  }
}
