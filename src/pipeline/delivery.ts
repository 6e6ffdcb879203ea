// Brings alerts from the outboxes to every sink until it confirms: retries and outages, once for all sinks.
import type { Nanoseconds } from "../lib/duration.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { Histogram, latencyBuckets } from "../lib/histogram.ts";
import { Listeners } from "../lib/listeners.ts";
import type { Log } from "../lib/log.ts";
import { Blockage, PartOutages, RetryState } from "../lib/retry.ts";
import type { StartupDeadline } from "../lib/startup_deadline.ts";
import type { Outbox, Parcel } from "../state/outbox.ts";
import type { PlannedSink, Sink, SinkRecords } from "../sinks/sink.ts";
import { Health } from "../lib/health.ts";

/** What opens a sink. */
export type OpenableSink = Pick<PlannedSink, "name" | "open">;

/** What a sink has of the state. */
export interface SinkParts {
  readonly outbox: Outbox;
  readonly records: SinkRecords;
}

/** The delivery to one sink, in numbers. */
export interface SinkStats {
  /** The name of the sink. */
  readonly name: string;
  readonly health: Health;
  /** Alerts that are not confirmed, and since when the oldest of them is pending. */
  readonly unconfirmed: number;
  readonly oldest: Nanoseconds | undefined;
  /** Attempts, by how they ended. */
  readonly attempts: Readonly<Record<"confirmed" | "failed" | "rejected", number>>;
  /** How long the confirmed ones took. */
  readonly seconds: Histogram;
}

/** All sinks, each with a worker of its own: one that is down does not hold up the others. */
export class Delivery implements AsyncDisposable {
  readonly #workers: readonly SinkWorker[];
  readonly #settled = new Listeners<[key: string]>();

  /** Opens the sinks. `parts` returns what a sink has of the state, by its name. */
  constructor(
    sinks: readonly OpenableSink[],
    parts: (sink: string) => SinkParts,
    log: Log,
    startupDeadline?: StartupDeadline,
  ) {
    const settled = (key: string) => this.#settled.call(key);
    this.#workers = sinks.map((sink) =>
      new SinkWorker(sink, parts(sink.name), log, settled, startupDeadline)
    );
  }

  /** Rejects when a sink can take nothing ever again. */
  get closed(): Promise<never> {
    return Promise.race(this.#workers.map(({ closed }) => closed));
  }

  /** Sink by sink. */
  get stats(): readonly SinkStats[] {
    return this.#workers;
  }

  /** How many alerts are not confirmed, counted once for each sink. */
  get unconfirmed(): number {
    return this.#workers.reduce((sum, { unconfirmed }) => sum + unconfirmed, 0);
  }

  /** Whether a sink has not confirmed an alert about this key. */
  isPending(key: string): boolean {
    return this.#workers.some((worker) => worker.isPending(key));
  }

  /** Calls the listener with the key of every alert that left an outbox: confirmed or dropped. */
  onSettled(listener: (key: string) => void): Disposable {
    return this.#settled.add(listener);
  }

  /** Connects all sinks. One that is down is tried again later. @throws {Fault} for one that is misconfigured. */
  async start(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.start()));
  }

  /** Looks into the outboxes: to be called when something was put there. */
  pump(): void {
    for (const worker of this.#workers) worker.pump();
  }

  /** The program ends: sinks that are down are tried at once, and then again and again in short pauses. */
  hurry(): void {
    for (const worker of this.#workers) worker.hurry();
  }

  /** Resolves when every outbox is empty. */
  async settled(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.settled()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}

/** Maximum milliseconds between two attempts during a shutdown. */
const hurriedPause = 250;

/** Delivers to one sink. */
class SinkWorker implements AsyncDisposable, SinkStats {
  readonly name: string;
  readonly health = new Health();
  readonly attempts = { confirmed: 0, failed: 0, rejected: 0 };
  readonly seconds = new Histogram(latencyBuckets);
  readonly #sink: Sink;
  readonly #outbox: Outbox;
  readonly #log: Log;
  readonly #done: (key: string) => void;
  readonly #retry: RetryState;
  readonly #closedForGood = Promise.withResolvers<never>();
  #settled: PromiseWithResolvers<void> | undefined;
  #sending = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #reconnecting = false;
  #hurried = false;
  #closed = false;

  constructor(
    { name, open }: OpenableSink,
    { outbox, records }: SinkParts,
    log: Log,
    done: (key: string) => void,
    startupDeadline?: StartupDeadline,
  ) {
    this.name = name;
    this.#done = done;
    this.#outbox = outbox;
    this.#log = log;
    this.#retry = new RetryState(log, `sink ${name}`, startupDeadline, this.health);
    this.#closedForGood.promise.catch(() => {});
    const blockage = new Blockage(log, `sink ${name}`, this.health);
    const partOutages = new PartOutages(log, `sink ${name}`);
    const listener = {
      lost: (fault: Fault) => this.#fail(fault),
      blocked: (reason?: string) => blockage.set(reason),
      part: (part: string, fault?: Fault) => partOutages.set(part, fault),
    };
    this.#sink = open(listener, records);
  }

  get closed(): Promise<never> {
    return this.#closedForGood.promise;
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
        throw new Fault(`sink ${this.name}: ${fault.message}`, fault.recovery);
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

  /** During an outage one alert at a time is tried. */
  pump(): void {
    this.#settle();
    if (this.#closed || this.#retryTimer !== undefined) return;
    const maxSending = this.#retry.isFailing ? 1 : this.#sink.concurrency;
    while (this.#sending < maxSending) {
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
    const { name: key, id } = parcel.alert;
    this.#log.error("sink {sink}: dropped alert {id} for {key}: {reason}", {
      sink: this.name,
      id,
      key,
      reason: fault.message,
    });
    parcel.confirmed();
    this.#done(parcel.alert.name);
    this.pump();
  }

  #fail(fault: Fault): void {
    if (fault.recovery === "closed") this.#closedForGood.reject(fault);
    if (this.#closed || this.#retryTimer !== undefined || fault.recovery === "closed") return;
    const pause = this.#retry.failed(fault);
    this.#retryTimer = setTimeout(
      () => this.#reconnect(),
      this.#hurried ? Math.max(Math.min(pause, hurriedPause), fault.retryAfter) : pause,
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
