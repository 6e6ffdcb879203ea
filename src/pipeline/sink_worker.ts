// Delivers alerts from an outbox to one sink until it confirms: retries and outages, once for all sinks.
import type { Alert } from "../detection/alert/alert.ts";
import type { Nanoseconds } from "../lib/duration.ts";
import { asFault, Fault } from "../lib/errors.ts";
import { Health } from "../lib/health.ts";
import { Histogram, latencyBuckets } from "../lib/histogram.ts";
import type { Log } from "../lib/log.ts";
import { Blockage, PartOutages, RetryState } from "../lib/retry.ts";
import type { StartupDeadline } from "../lib/startup_deadline.ts";
import type { PlannedSink, Sink, SinkRecords } from "../sinks/sink.ts";
import { type InFlight, type Outbox, OutboxWithUnkept } from "../state/outbox.ts";
import type { AlertContexts } from "./alert_contexts.ts";

/** What opens a sink. */
export type OpenableSink = Pick<PlannedSink, "name" | "open" | "showsContexts">;

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

/** Maximum milliseconds between two attempts during a shutdown. */
const hurriedPause = 250;

/** Delivers to one sink. */
export class SinkWorker implements AsyncDisposable, SinkStats {
  readonly name: string;
  readonly health = new Health();
  readonly attempts = { confirmed: 0, failed: 0, rejected: 0 };
  readonly seconds = new Histogram(latencyBuckets);
  readonly #sink: Sink;
  #outbox: Outbox;
  #unkept: OutboxWithUnkept | undefined;
  readonly #log: Log;
  readonly #done: (key: string) => void;
  readonly #retry: RetryState;
  readonly #closedForGood = Promise.withResolvers<never>();
  #settled: PromiseWithResolvers<void> | undefined;
  /** Keys of the alerts in flight: one about each at a time, so that their order is kept. */
  readonly #sending = new Set<string>();
  /** Keys of the alerts whose contexts are asked for: they take nobody's place. */
  readonly #preparing = new Set<string>();
  readonly #contexts: AlertContexts | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #reconnecting = false;
  #hurried = false;
  #closed = false;

  constructor(
    { name, open, showsContexts = false }: OpenableSink,
    { outbox, records }: SinkParts,
    log: Log,
    done: (key: string) => void,
    startupDeadline?: StartupDeadline,
    contexts?: AlertContexts,
  ) {
    this.name = name;
    this.#contexts = showsContexts ? contexts : undefined;
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

  /** Sends an alert before all others, without the state, which fails: it is lost on exit. */
  sendUnkept(alert: Alert): void {
    if (this.#unkept === undefined) this.#outbox = this.#unkept = new OutboxWithUnkept(this.#outbox);
    this.#unkept.add(alert);
    this.pump();
  }

  /** During an outage one alert at a time is tried. */
  pump(): void {
    this.#settle();
    while (this.#maySend) {
      const inFlight = this.#take();
      if (inFlight === undefined) break;
      const { name } = inFlight.alert;
      if (this.#sending.has(name) || this.#preparing.has(name)) return inFlight.giveBack();
      const ready = this.#contexts === undefined ? inFlight.alert : this.#contexts.ready(inFlight.alert);
      if (ready === undefined) this.#prepare(inFlight, this.#contexts!);
      else this.#send(inFlight, ready);
    }
  }

  /** During an outage one alert at a time is tried. */
  get #maySend(): boolean {
    if (this.#closed || this.#retryTimer !== undefined) return false;
    return this.#sending.size < (this.#retry.isFailing ? 1 : this.#sink.concurrency);
  }

  #send(inFlight: InFlight, alert: Alert): void {
    this.#sending.add(alert.name);
    const startedAt = performance.now();
    this.#sink.send(alert).then(
      () => this.#confirmed(inFlight, startedAt),
      (error) => this.#failed(inFlight, asFault(error)),
    );
  }

  /** Meanwhile others are sent. One that finds no place afterwards is pending again, and ready when it is taken. */
  async #prepare(inFlight: InFlight, contexts: AlertContexts): Promise<void> {
    const { alert } = inFlight;
    this.#preparing.add(alert.name);
    await contexts.prepare(alert);
    this.#preparing.delete(alert.name);
    if (this.#maySend) this.#send(inFlight, contexts.ready(alert) ?? alert);
    else inFlight.giveBack();
    this.pump();
  }

  /** The next alert; an outbox that cannot be read is tried again like a sink that is down. */
  #take(): InFlight | undefined {
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

  #confirmed(inFlight: InFlight, startedAt: number): void {
    this.#sending.delete(inFlight.alert.name);
    this.attempts.confirmed++;
    const milliseconds = performance.now() - startedAt;
    this.seconds.observe(milliseconds / 1000);
    if (this.#log.detailed) {
      const { id, name: key } = inFlight.alert;
      this.#log.debug("sink {sink}: confirmed alert {id} for {key} after {milliseconds} ms", {
        sink: this.name,
        id,
        key,
        milliseconds: Math.round(milliseconds),
      });
    }
    this.#retry.succeeded();
    inFlight.confirm();
    this.#done(inFlight.alert.name);
    this.pump();
  }

  #failed(inFlight: InFlight, fault: Fault): void {
    this.#sending.delete(inFlight.alert.name);
    if (fault.recovery !== "rejected") {
      this.attempts.failed++;
      inFlight.giveBack();
      return this.#fail(fault);
    }
    this.attempts.rejected++;
    const { name: key, id } = inFlight.alert;
    this.#log.error("sink {sink}: dropped alert {id} for {key}: {reason}", {
      sink: this.name,
      id,
      key,
      reason: fault.message,
    });
    inFlight.confirm();
    this.#done(inFlight.alert.name);
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
